import { z } from "zod";
import { at, FloatReader, sizeOf } from "../tensors.ts";
import { defineFamily, describeTensors, outputMismatch } from "../family.ts";
import { gridOf } from "../grid.ts";
import { inputRegion } from "../candidates.ts";
import type { Finding } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { Grid } from "../grid.ts";
import type { InputGeometry, Model, Tensor } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  output: z.string().min(1).optional().describe("Name of the output, when there are several; the first by default."),
  range: z.enum(["0..255", "0..1", "-1..1"]).default("0..255").describe("What the network's numbers stand for black and white with."),
  color: z.enum(["RGB", "BGR"]).optional().describe("Order of the channels; that of the input by default."),
});

/** `byte = value × scale + offset`. */
const RANGES = { "0..255": [1, 0], "0..1": [255, 0], "-1..1": [127.5, 127.5] } as const;

class ImageInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #options: z.output<typeof options>;
  readonly #floats = new FloatReader();

  constructor(model: Model, opts: z.output<typeof options>) {
    this.#model = model;
    this.#options = opts;
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const output = this.#options.output === undefined ? outputs[0] : outputs.find(({ name }) => name === this.#options.output);
    const grid = output && gridOf(output, 3);
    if (output === undefined || grid === undefined || ![1, 3].includes(grid.channels) || output.data.length !== sizeOf(output.shape)) {
      throw outputMismatch(this.#model, image.outputs, outputs);
    }
    const { width, height } = grid;
    const data = new Uint8Array(width * height * 3);
    this.#fill(output, grid, data);
    return { image: { width, height, data, region: inputRegion(geometry) } };
  }

  #fill(output: Tensor, { width, height, channels, isPlanar }: Grid, into: Uint8Array): void {
    const values = this.#floats.read(output);
    const area = width * height;
    const isBgr = (this.#options.color ?? this.#model.input.color) === "BGR";
    const range = RANGES[output.type === "uint8" ? "0..255" : this.#options.range];
    const order = channels === 1 ? [0, 0, 0] : isBgr ? [2, 1, 0] : [0, 1, 2];
    order.forEach((channel, c) => fillChannel(values, isPlanar ? channel * area : channel, isPlanar ? 1 : channels, range, into, c));
  }
}

function fillChannel(values: Float32Array, start: number, step: number, [scale, offset]: readonly [number, number], into: Uint8Array, c: number): void {
  for (let i = c, from = start; i < into.length; i += 3, from += step) {
    const value = at(values, from) * scale + offset;
    // Rounds; NaN becomes black.
    into[i] = value >= 255 ? 255 : value > 0 ? value + 0.5 : 0;
  }
}

function fit({ outputs, inputWidth, inputHeight }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  const grid = output && gridOf(output, 3);
  if (outputs.length !== 1 || output?.shape.length !== 4 || grid?.channels !== 3) {
    return undefined;
  }
  return { sure: grid.width === inputWidth && grid.height === inputHeight && inputWidth > 0, why: `${describeTensors([output])} is a picture` };
}

/** Picture in, picture out (style, denoising, super-resolution): `[1, 3, H, W]` or `[1, H, W, 3]` of any size. */
export const image = defineFamily({
  name: "image",
  task: "image",
  outputs: "[1, 3, height, width] or [1, height, width, 3]",
  options,
  defaults: { threshold: 0, nmsIou: 1, topK: 1, input: { color: "RGB", fit: "stretch" } },
  fit,
  create: (model, opts) => new ImageInterpreter(model, opts),
});
