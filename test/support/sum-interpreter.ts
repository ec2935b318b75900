// A tiny interpreter for engine tests: reports the sum of every output. Grey 13 in the first pixel is a call to misbehave.
import type { Interpreter } from "../../src/contracts/engine.ts";
import type { Model } from "../../src/domain/model.ts";

export function createInterpreter(model: Model): Interpreter {
  let calls = 0;
  return {
    interpret: (outputs, geometry) => {
      calls += 1;
      const misbehave = model.options["misbehave"];
      if (geometry.offsetX === 13) {
        if (misbehave === "exit") {
          process.exit(3);
        }
        if (misbehave === "hang") {
          for (;;) {
            calls += 1;
          }
        }
        if (misbehave === "memory") {
          const hoard: number[][] = [];
          for (;;) {
            hoard.push(Array.from({ length: 100_000 }, Math.random));
          }
        }
        throw new Error("told to throw");
      }
      const sums = outputs.map(({ data }) => {
        let sum = 0;
        for (const value of data) {
          sum += Number(value);
        }
        return sum;
      });
      return { data: { sums, shapes: outputs.map(({ shape }) => shape), types: outputs.map(({ type }) => type), calls } };
    },
  };
}
