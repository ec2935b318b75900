import type { Tensor, TensorSpec } from "../domain/model.ts";

/**
 * Runs a network on tensors as they are: what a model server needs, which knows nothing of pictures. `infer` may be
 * called up to `parallelism` times at once. A rejected call concerns itself alone. After disposal nothing of it runs.
 */
export interface TensorEngine extends AsyncDisposable {
  /** One line for people. */
  readonly description: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly parallelism: number;
  /**
   * Takes one tensor for each input, in any order, already checked against {@link inputs}. The tensors' memory must not
   * be used by the caller any more; the outputs' memory is the caller's.
   */
  infer(inputs: readonly Tensor[], signal: AbortSignal): Promise<readonly Tensor[]>;
}
