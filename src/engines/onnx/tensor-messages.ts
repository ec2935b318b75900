import type { Tensor, TensorSpec } from "../../domain/model.ts";
import type { PlainError, ProviderName } from "./messages.ts";

/** What a tensor thread is started with. */
export interface TensorThreadSetup {
  /** For messages. */
  readonly name: string;
  readonly file: string;
  readonly provider: ProviderName | "auto";
  readonly device: number;
  readonly threads: number;
}

/** To a tensor thread. */
export type ToTensorThread = { readonly type: "infer"; readonly id: number; readonly inputs: readonly Tensor[] } | { readonly type: "close" };

/** From it. */
export type FromTensorThread =
  | { readonly type: "ready"; readonly provider: ProviderName; readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] }
  | { readonly type: "refused"; readonly error: PlainError }
  | { readonly type: "replied"; readonly id: number; readonly outputs: readonly Tensor[] }
  | { readonly type: "failed"; readonly id: number; readonly error: PlainError };
