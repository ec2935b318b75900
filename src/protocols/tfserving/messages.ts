import {
  bool,
  bools,
  byteStrings,
  bytes,
  doubles,
  floats,
  int,
  int64s,
  ints,
  map,
  maybeString,
  message,
  nested,
  nesteds,
  string,
  strings,
  uint64s,
  type ValueOf,
} from "../protobuf/message.ts";

/** The gRPC messages of TensorFlow Serving: tensorflow.proto and serving.proto as a table. */

const Dim = message("tensorflow.TensorShapeProto.Dim", { size: int(1), name: string(2) });
/** Dimensions; -1 marks one that varies. */
export const TensorShapeProto = message("tensorflow.TensorShapeProto", { dim: nesteds(2, Dim), unknownRank: bool(3) });

/** A tensor. */
export const TensorProto = message("tensorflow.TensorProto", {
  dtype: int(1),
  tensorShape: nested(2, TensorShapeProto),
  versionNumber: int(3),
  tensorContent: bytes(4),
  floatVal: floats(5),
  doubleVal: doubles(6),
  intVal: ints(7),
  stringVal: byteStrings(8),
  int64Val: int64s(10),
  boolVal: bools(11),
  halfVal: ints(13),
  uint32Val: ints(16),
  uint64Val: uint64s(17),
});
/** A tensor: its elements lie in `tensorContent`, little-endian, or in the list that its type names. */
export type TensorProto = ValueOf<typeof TensorProto>;

const TensorInfo = message("tensorflow.TensorInfo", { name: string(1), dtype: int(2), tensorShape: nested(3, TensorShapeProto) });
const SignatureDef = message("tensorflow.SignatureDef", {
  inputs: map(1, nested(2, TensorInfo)),
  outputs: map(2, nested(2, TensorInfo)),
  methodName: string(3),
});
/** Signatures of a model, by name: what `signature_def` metadata hold. */
export const SignatureDefMap = message("tensorflow.serving.SignatureDefMap", { signatureDef: map(1, nested(2, SignatureDef)) });

const Int64Value = message("google.protobuf.Int64Value", { value: int(1) });
/** Names a model and, if need be, a version. */
export const ModelSpec = message("tensorflow.serving.ModelSpec", {
  name: string(1),
  version: nested(2, Int64Value),
  signatureName: string(3),
  versionLabel: maybeString(4),
});
/** Which model. Without a version or label: the latest. */
export type ModelSpec = ValueOf<typeof ModelSpec>;

/** A request to infer. */
export const PredictRequest = message("tensorflow.serving.PredictRequest", {
  modelSpec: nested(1, ModelSpec),
  inputs: map(2, nested(2, TensorProto)),
  outputFilter: strings(3),
});
/** The answer. */
export const PredictResponse = message("tensorflow.serving.PredictResponse", {
  outputs: map(1, nested(2, TensorProto)),
  modelSpec: nested(2, ModelSpec),
});

const Any = message("google.protobuf.Any", { typeUrl: string(1), value: bytes(2) });
/** `Any.typeUrl` of the metadata field `signature_def`. */
export const SIGNATURE_DEF_TYPE_URL = "type.googleapis.com/tensorflow.serving.SignatureDefMap";
/** Asks for metadata fields; `signature_def` is the one there is. */
export const GetModelMetadataRequest = message("tensorflow.serving.GetModelMetadataRequest", {
  modelSpec: nested(1, ModelSpec),
  metadataField: strings(2),
});
/** Metadata fields by name, each as an Any. */
export const GetModelMetadataResponse = message("tensorflow.serving.GetModelMetadataResponse", {
  modelSpec: nested(1, ModelSpec),
  metadata: map(2, nested(2, Any)),
});

/** States of a model version, by name. */
export const MODEL_STATE = { UNKNOWN: 0, START: 10, LOADING: 20, AVAILABLE: 30, UNLOADING: 40, END: 50 } as const;
const StatusProto = message("tensorflow.serving.StatusProto", { errorCode: int(1), errorMessage: string(2) });
const ModelVersionStatus = message("tensorflow.serving.ModelVersionStatus", { version: int(1), state: int(2), status: nested(3, StatusProto) });
/** Asks for the state of a model's versions. */
export const GetModelStatusRequest = message("tensorflow.serving.GetModelStatusRequest", { modelSpec: nested(1, ModelSpec) });
/** The state of each version. */
export const GetModelStatusResponse = message("tensorflow.serving.GetModelStatusResponse", {
  modelVersionStatus: nesteds(1, ModelVersionStatus),
});
