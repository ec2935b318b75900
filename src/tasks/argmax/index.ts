import { z } from "zod";
import { defineFamily, describeTensors, labelMismatch, outputMismatch } from "../family.ts";
import { gridOf, histogram } from "../grid.ts";
import { inputRegion, labelOf } from "../candidates.ts";
import { at, FloatReader, sizeOf } from "../tensors.ts";
import type { Finding, Mask } from "../../domain/result.ts";
import type { Fit, ModelFacts } from "../family.ts";
import type { Grid } from "../grid.ts";
import type { InputGeometry, Model, Tensor, TensorSpec } from "../../domain/model.ts";
import type { Interpreter } from "../../contracts/engine.ts";

const options = z.strictObject({
  output: z.string().min(1).optional().describe("Name of the output, when there are several; the first by default."),
});

/** A mask holds one byte per cell. */
const MOST_CLASSES = 256;
/** Cells looked at together: 8 KiB of best values. */
const STRETCH = 2048;

class ArgmaxInterpreter implements Interpreter {
  readonly #model: Model;
  readonly #output: string | undefined;
  readonly #floats = new FloatReader();
  readonly #best = new Float32Array(STRETCH);

  constructor(model: Model, output: string | undefined) {
    this.#model = model;
    this.#output = output;
  }

  interpret(outputs: readonly Tensor[], geometry: InputGeometry): Finding {
    const model = this.#model;
    const output = this.#output === undefined ? outputs[0] : outputs.find(({ name }) => name === this.#output);
    const grid = output && gridOf(output, model.labels.length);
    if (output === undefined || grid === undefined || output.data.length !== sizeOf(output.shape)) {
      throw outputMismatch(model, argmax.outputs, outputs);
    }
    if (grid.channels > 1 && grid.channels !== model.labels.length) {
      throw labelMismatch(model, grid.channels);
    }
    const data = new Uint8Array(grid.width * grid.height);
    this.#fill(output, grid, data);
    const mask: Mask = { kind: "classes", width: grid.width, height: grid.height, data, region: inputRegion(geometry) };
    const { counts, total } = histogram(mask, geometry);
    const found = [...counts.keys()].filter((classId) => at(counts, classId) > 0);
    return {
      segments: { labels: found.map((classId) => labelOf(model, classId)), areas: found.map((classId) => at(counts, classId) / total), mask },
    };
  }

  #fill(output: Tensor, grid: Grid, into: Uint8Array): void {
    const { data } = output;
    if (grid.channels === 1) {
      fillFromMap(data, into);
      return;
    }
    const floats = this.#floats.read(output);
    if (grid.isPlanar) {
      this.#fillFromPlanes(floats, grid, into);
    } else {
      fillFromPixels(floats, grid.channels, into);
    }
  }

  #fillFromPlanes(data: Float32Array, { channels }: Grid, into: Uint8Array): void {
    const area = into.length;
    // A stretch at a time through all planes: its best values stay in the processor's nearest cache.
    for (let start = 0; start < area; start += STRETCH) {
      const end = Math.min(area, start + STRETCH);
      const best = this.#best;
      best.set(data.subarray(start, end));
      for (let c = 1; c < channels; c++) {
        keepLarger(data, c * area + start, best, into, start, end, c);
      }
    }
  }
}

function keepLarger(data: Float32Array, from: number, best: Float32Array, into: Uint8Array, start: number, end: number, c: number): void {
  for (let i = 0; i < end - start; i++) {
    const value = at(data, from + i);
    if (value > at(best, i)) {
      best[i] = value;
      into[start + i] = c;
    }
  }
}

function fillFromPixels(data: Float32Array, channels: number, into: Uint8Array): void {
  for (let i = 0, from = 0; i < into.length; i++, from += channels) {
    let largest = at(data, from);
    let classId = 0;
    for (let c = 1; c < channels; c++) {
      const value = at(data, from + c);
      if (value > largest) {
        largest = value;
        classId = c;
      }
    }
    into[i] = classId;
  }
}

/** A map of class numbers, made by an ArgMax inside the network. */
function fillFromMap(data: Tensor["data"], into: Uint8Array): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    // The low word of a little-endian 64-bit number: class numbers are below 256, and BigInts are slow.
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
    for (let i = 0; i < into.length; i++) {
      into[i] = at(words, i * 2);
    }
  } else if (ArrayBuffer.isView(data)) {
    into.set(data);
  }
}

function fit({ outputs, producers }: ModelFacts): Fit | undefined {
  const [output] = outputs;
  const grid = output && gridOf(output);
  if (output === undefined || grid === undefined || grid.channels > MOST_CLASSES || outputs.length > 2) {
    return undefined;
  }
  const [producer = ""] = producers;
  const isMap = isClassMap(output, producer, grid);
  if (!isMap && !isScores(producer, grid)) {
    return undefined;
  }
  return {
    sure: isMap || grid.channels > 3,
    why: `${describeTensors([output])} is ${isMap ? "a map of class numbers" : "a score per class and pixel"}`,
    ...(isMap || grid.channels < 0 ? {} : { classes: grid.channels }),
    ...(grid.channels === 21 ? { labels: "voc" } : {}),
    ...(outputs.length > 1 ? { options: { output: output.name } } : {}),
  };
}

/** One channel would be a matte, three a picture, unless they sum to one. */
function isScores(producer: string, { channels }: Grid): boolean {
  return channels !== 1 && (channels !== 3 || producer === "Softmax");
}

function isClassMap({ type }: TensorSpec, producer: string, grid: Grid): boolean {
  return grid.channels === 1 && (producer === "ArgMax" || type === "int64" || type === "int32");
}

/**
 * Semantic segmentation: a score per class and pixel, `[1, classes, H, W]` or `[1, H, W, classes]`, of which the largest
 * wins; or a ready map of class numbers, `[1, H, W]` of any integer type. At most 256 classes.
 */
export const argmax = defineFamily({
  name: "argmax",
  task: "segment",
  outputs: "[1, classes, height, width], [1, height, width, classes] or a class map [1, height, width]",
  options,
  defaults: { threshold: 0, nmsIou: 1, topK: MOST_CLASSES, input: { color: "RGB", fit: "stretch" } },
  fit,
  create: (model, opts) => new ArgmaxInterpreter(model, opts.output),
});
