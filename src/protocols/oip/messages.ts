import {
  bool,
  bools,
  byteStrings,
  maybeBytes,
  doubles,
  floats,
  int64s,
  ints,
  map,
  maybeBool,
  maybeDouble,
  maybeInt64,
  maybeString,
  maybeUint64,
  message,
  nested,
  nesteds,
  string,
  strings,
  uint64s,
  type ValueOf,
} from "../protobuf/message.ts";

/** The gRPC messages of the Open Inference Protocol v2: oip.proto as a table. */

const nothing = {};
const nameAndVersion = { name: string(1), version: string(2) };

/** Asks whether the server runs. */
export const ServerLiveRequest = message("inference.ServerLiveRequest", nothing);
/** Whether it runs. */
export const ServerLiveResponse = message("inference.ServerLiveResponse", { live: bool(1) });
/** Asks whether the server takes requests. */
export const ServerReadyRequest = message("inference.ServerReadyRequest", nothing);
/** Whether it does. */
export const ServerReadyResponse = message("inference.ServerReadyResponse", { ready: bool(1) });
/** Asks whether a model takes requests. */
export const ModelReadyRequest = message("inference.ModelReadyRequest", nameAndVersion);
/** Whether it does. */
export const ModelReadyResponse = message("inference.ModelReadyResponse", { ready: bool(1) });
/** Asks what the server is. */
export const ServerMetadataRequest = message("inference.ServerMetadataRequest", nothing);
/** What it is, and which extensions it has. */
export const ServerMetadataResponse = message("inference.ServerMetadataResponse", { ...nameAndVersion, extensions: strings(3) });
/** Asks what a model takes and gives. */
export const ModelMetadataRequest = message("inference.ModelMetadataRequest", nameAndVersion);

const TensorMetadata = message("inference.ModelMetadataResponse.TensorMetadata", { name: string(1), datatype: string(2), shape: ints(3) });
/** What it takes and gives; -1 marks dimensions that vary. */
export const ModelMetadataResponse = message("inference.ModelMetadataResponse", {
  name: string(1),
  versions: strings(2),
  platform: string(3),
  inputs: nesteds(4, TensorMetadata),
  outputs: nesteds(5, TensorMetadata),
});

/** A parameter: a oneof. */
export const InferParameter = message("inference.InferParameter", {
  boolParam: maybeBool(1),
  int64Param: maybeInt64(2),
  stringParam: maybeString(3),
  doubleParam: maybeDouble(4),
  uint64Param: maybeUint64(5),
});
/** A parameter: at most one of its fields is set. */
export type InferParameter = ValueOf<typeof InferParameter>;

/** Elements of a tensor, one list per kind of datatype. */
export const InferTensorContents = message("inference.InferTensorContents", {
  boolContents: bools(1),
  intContents: ints(2),
  int64Contents: int64s(3),
  uintContents: ints(4),
  uint64Contents: uint64s(5),
  fp32Contents: floats(6),
  fp64Contents: doubles(7),
  bytesContents: byteStrings(8),
});
/** Elements of a tensor, in the list that its datatype names. */
export type InferTensorContents = ValueOf<typeof InferTensorContents>;

const parameters = (number: number) => map(number, nested(2, InferParameter));

const tensorFields = {
  name: string(1),
  datatype: string(2),
  shape: ints(3),
  parameters: parameters(4),
  contents: nested(5, InferTensorContents),
};
const InferInputTensor = message("inference.ModelInferRequest.InferInputTensor", tensorFields);
const InferOutputTensor = message("inference.ModelInferResponse.InferOutputTensor", tensorFields);
const RequestedOutput = message("inference.ModelInferRequest.InferRequestedOutputTensor", { name: string(1), parameters: parameters(2) });

/** A request to infer, with tensors in `contents` or in `rawInputContents`. */
export const ModelInferRequest = message("inference.ModelInferRequest", {
  modelName: string(1),
  modelVersion: string(2),
  id: string(3),
  parameters: parameters(4),
  inputs: nesteds(5, InferInputTensor),
  outputs: nesteds(6, RequestedOutput),
  rawInputContents: byteStrings(7),
});
/** A request to infer. */
export type ModelInferRequest = ValueOf<typeof ModelInferRequest>;

/** The answer, likewise. */
export const ModelInferResponse = message("inference.ModelInferResponse", {
  modelName: string(1),
  modelVersion: string(2),
  id: string(3),
  parameters: parameters(4),
  outputs: nesteds(5, InferOutputTensor),
  rawOutputContents: byteStrings(6),
});
/** The answer to it. */
export type ModelInferResponse = ValueOf<typeof ModelInferResponse>;

/** One answer of a stream: an error or a response. */
export const ModelStreamInferResponse = message("inference.ModelStreamInferResponse", {
  errorMessage: string(1),
  inferResponse: nested(2, ModelInferResponse),
});

const RepositoryParameter = message("inference.ModelRepositoryParameter", {
  boolParam: maybeBool(1),
  int64Param: maybeInt64(2),
  stringParam: maybeString(3),
  bytesParam: maybeBytes(4),
});
const repositoryRequest = {
  repositoryName: string(1),
  modelName: string(2),
  parameters: map(3, nested(2, RepositoryParameter)),
};
const ModelIndex = message("inference.RepositoryIndexResponse.ModelIndex", {
  name: string(1),
  version: string(2),
  state: string(3),
  reason: string(4),
});
/** Asks which models there are. */
export const RepositoryIndexRequest = message("inference.RepositoryIndexRequest", { repositoryName: string(1), ready: bool(2) });
/** The models, with their state. */
export const RepositoryIndexResponse = message("inference.RepositoryIndexResponse", { models: nesteds(1, ModelIndex) });
/** Asks to load a model. */
export const RepositoryModelLoadRequest = message("inference.RepositoryModelLoadRequest", repositoryRequest);
/** It is loaded. */
export const RepositoryModelLoadResponse = message("inference.RepositoryModelLoadResponse", nothing);
/** Asks to unload a model. */
export const RepositoryModelUnloadRequest = message("inference.RepositoryModelUnloadRequest", repositoryRequest);
/** It is unloaded. */
export const RepositoryModelUnloadResponse = message("inference.RepositoryModelUnloadResponse", nothing);
