import type { Interpreter } from "../../contracts/engine.ts";
import type { Tensor } from "../../domain/model.ts";
import type { Finding } from "../../domain/result.ts";

/** A finding that is nothing but the network's outputs, for a use case that reads them itself. Never printed. */
export interface RawFinding extends Finding {
  readonly data: { readonly tensors: readonly Tensor[] };
}

/** Hands the outputs on unread: what an engine's worker imports when the use case has its own `interpret`. */
export function createInterpreter(): Interpreter {
  return { interpret: (tensors): RawFinding => ({ data: { tensors } }) };
}

/** Address of this module, for `InterpreterRef.module`. */
export const rawInterpreterModule: URL = new URL(import.meta.url);

/** The outputs that {@link createInterpreter} passed on. Throws a TypeError for any other finding. */
export function rawTensors(finding: Finding): readonly Tensor[] {
  const { data } = finding;
  if (typeof data === "object" && data !== null && "tensors" in data && Array.isArray(data.tensors)) {
    // Made by the interpreter above.
    return data.tensors as readonly Tensor[];
  }
  throw new TypeError("expected the network's outputs: open the engine with rawInterpreterModule");
}
