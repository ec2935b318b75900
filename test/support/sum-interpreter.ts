// An interpreter for engine tests: reports what the network gave, and misbehaves when asked to by the geometry.
import type { Interpreter } from "../../src/contracts/engine.ts";
import { VedetteError } from "../../src/errors.ts";

/** What `geometry.offsetX` asks for; anything else is answered. */
export const MISBEHAVE = { throw: 13, exit: 14, hang: 15, hoard: 16, refuse: 17 } as const;

export interface Summary {
  readonly sums: readonly number[];
  readonly shapes: readonly (readonly number[])[];
  readonly types: readonly string[];
  /** The first values of the first output. */
  readonly first: readonly number[];
}

export function createInterpreter(): Interpreter {
  return {
    interpret: (outputs, { offsetX }) => {
      misbehave(offsetX);
      const summary: Summary = {
        sums: outputs.map(({ data }) => {
          let sum = 0;
          for (const value of data) {
            sum += Number(value);
          }
          return sum;
        }),
        shapes: outputs.map(({ shape }) => shape),
        types: outputs.map(({ type }) => type),
        first: [...(outputs[0]?.data ?? [])].slice(0, 12).map(Number),
      };
      return { data: summary };
    },
  };
}

function misbehave(how: number): void {
  switch (how) {
    case MISBEHAVE.throw:
      throw new Error("told to throw");
    case MISBEHAVE.refuse:
      throw new VedetteError("E_MODEL_OUTPUT", { model: "tiny", family: "sum", expected: "politeness", got: "13" });
    case MISBEHAVE.exit:
      process.exit(3);
     
    case MISBEHAVE.hang:
      for (;;) {
        Math.random();
      }
    case MISBEHAVE.hoard: {
      const hoard: number[][] = [];
      for (;;) {
        hoard.push(new Array<number>(1_000_000).fill(0.5));
      }
    }
  }
}
