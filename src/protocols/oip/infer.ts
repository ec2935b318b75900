import type { Tensor } from "../../domain/model.ts";

/** A parameter of a request, tensor or response. */
export type OipParameter = boolean | number | bigint | string;
/** Parameters by name. */
export type OipParameters = Readonly<Record<string, OipParameter>>;

/** An output that the client asked for by name. */
export interface RequestedOutput {
  readonly name: string;
  /** Over HTTP: whether its data come as bytes behind the JSON. */
  readonly isBinary: boolean;
  /** Triton's classification extension: answer the best `k` classes as `score:index[:label]` strings; 0 asks for the tensor. */
  readonly classification: number;
}

/** A request to infer, whichever way it came. The model is named by the path (HTTP) or the message (gRPC). */
export interface OipRequest {
  readonly id: string;
  readonly parameters: OipParameters;
  readonly inputs: readonly Tensor[];
  /** Empty: all outputs. */
  readonly outputs: readonly RequestedOutput[];
  /** Over HTTP: whether outputs that do not say come as bytes. */
  readonly isBinaryByDefault: boolean;
}

/** The answer. */
export interface OipResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: OipParameters;
  readonly outputs: readonly Tensor[];
}
