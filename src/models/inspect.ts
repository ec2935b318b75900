import { describeTensors } from "../tasks/family.ts";
import { examineModel } from "./resolve.ts";
import { mediaTimeUs } from "../domain/time.ts";
import type { Engine } from "../contracts/engine.ts";
import type { Finding } from "../domain/result.ts";
import type { InputSpec, Model, TensorSpec } from "../domain/model.ts";
import type { Missing, Note } from "./notes.ts";
import type { ModelFlags } from "./manifest.ts";
import type { ResolveOptions } from "./resolve.ts";

/** Everything that can be said about a model file. */
export interface Inspection {
  readonly name: string;
  readonly path: string | undefined;
  readonly sizeBytes: number | undefined;
  readonly producer: string;
  readonly opset: number | undefined;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly metadata: Readonly<Record<string, string>>;
  /** What was inferred, and why. */
  readonly notes: readonly Note[];
  readonly missing: readonly Missing[];
  readonly model: Model | undefined;
  /** What one picture gave; undefined while something is missing or without an engine. */
  readonly run: SanityRun | undefined;
}

/** One test picture through the network. */
export interface SanityRun {
  readonly engine: string;
  readonly inferMs: number;
  readonly interpretMs: number;
  /** What came out, in a few words. */
  readonly found: string;
}

/** What {@link inspectModel} may use. */
export interface InspectOptions extends ResolveOptions {
  /** Opens an engine for the sanity run; disposed afterwards. */
  readonly openEngine?: (model: Model, signal: AbortSignal) => Promise<Engine>;
  readonly signal?: AbortSignal;
}

/**
 * Reads a model file or manifest, says what follows from it and what is missing, and runs one test picture through it.
 * Throws what `resolveModel` throws, except for what is missing, and what the engine throws.
 */
export async function inspectModel(nameOrPath: string, flags: ModelFlags = {}, options: InspectOptions = {}): Promise<Inspection> {
  const { onnx, model, missing, notes } = await examineModel(nameOrPath, flags, options);
  const signal = options.signal ?? new AbortController().signal;
  const engine = model && (await options.openEngine?.(model, signal));
  const run = model && engine && (await sanityRun(engine, model, signal));
  return { name: model?.name ?? nameOrPath, ...(onnx ?? NO_FILE), notes, missing, model, run };
}

const NO_FILE = { path: undefined, sizeBytes: undefined, producer: "", opset: undefined, inputs: [], outputs: [], metadata: {} };

async function sanityRun(engine: Engine, { input }: Model, signal: AbortSignal): Promise<SanityRun> {
  try {
    const pixels = testPicture(input);
    const { width, height } = input;
    const geometry = { sourceWidth: width, sourceHeight: height, inputWidth: width, inputHeight: height, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
    const channels = input.color === "GRAY" ? 1 : 3;
    const [reply] = await engine.infer([{ pixels: { data: pixels, width, height, channels, geometry }, ptsUs: mediaTimeUs(0) }], signal);
    const { finding = {}, inferMs = 0, interpretMs = 0 } = reply ?? {};
    return { engine: engine.description, inferMs, interpretMs, found: summary(finding) };
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

/** Colour gradients with a bright disc: something to look at, the same every time, in shared memory as workers want it. */
function testPicture({ width, height, color }: InputSpec): Uint8Array {
  const channels = color === "GRAY" ? 1 : 3;
  const data = new Uint8Array(new SharedArrayBuffer(width * height * channels));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isDisc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (Math.min(width, height) / 4) ** 2;
      for (let c = 0; c < channels; c++, i++) {
        data[i] = isDisc ? 230 - c * 40 : [(x * 255) / width, (y * 255) / height, 128][c] ?? 128;
      }
    }
  }
  return data;
}

function summary(finding: Finding): string {
  const { detections, classes, poses, segments, embedding, image } = finding;
  const parts = [
    detections && `${detections.length} detections`,
    classes && classes.map(({ label, score }) => `${label} ${score.toFixed(3)}`).join(", "),
    poses && `${poses.length} poses`,
    segments && segments.labels.map((label, i) => `${label} ${((segments.areas[i] ?? 0) * 100).toFixed(1)} %`).join(", "),
    embedding && `${embedding.length} features`,
    image && `a picture of ${image.width}×${image.height}`,
  ];
  return parts.filter((part) => part !== undefined).join("; ") || "nothing";
}

/** An inspection for a terminal. */
export function formatInspection(inspection: Inspection): string {
  const { name, path, sizeBytes, producer, opset, inputs, outputs, metadata, notes, missing, model, run } = inspection;
  const lines: [string, string][] = [
    ["model", name],
    ...(path === undefined ? [] : [["file", `${path}${sizeBytes === undefined ? "" : `, ${(sizeBytes / 1e6).toFixed(1)} MB`}`] satisfies [string, string]]),
    ...(opset === undefined ? [] : [["made by", `${producer === "" ? "unknown" : producer}, opset ${opset}`] satisfies [string, string]]),
    ...inputs.map((input): [string, string] => ["input", describeTensors([input])]),
    ...outputs.map((output): [string, string] => ["output", describeTensors([output])]),
    ...Object.entries(metadata).map(([key, value]): [string, string] => ["metadata", `${key}: ${short(value)}`]),
    ...notes.map(({ what, value, why }): [string, string] => ["inferred", `${what} ${value}: ${why}`]),
    ...(model === undefined ? [] : modelLines(model)),
    ...missing.map(({ what, flag }): [string, string] => ["missing", `${what}: ${flag}`]),
    ...(run === undefined ? [] : [["test run", `${run.inferMs.toFixed(1)} ms + ${run.interpretMs.toFixed(2)} ms on ${run.engine}: ${run.found}`] satisfies [string, string]]),
  ];
  const width = Math.max(...lines.map(([title]) => title.length));
  return lines.map(([title, text]) => `${title.padEnd(width)}  ${text}`).join("\n");
}

function modelLines({ task, family, input, labels, threshold, maxBatch }: Model): [string, string][] {
  const { width, height, color, layout, type, fit, scale, mean, std } = input;
  return [
    ["task", `${task}, family ${family}, threshold ${threshold}, batches up to ${maxBatch}`],
    ["pictures", `${width}×${height} ${color} ${layout} ${type}, ${fit}; value = (pixel × ${Number(scale.toPrecision(6))} − [${mean.join(", ")}]) / [${std.join(", ")}]`],
    ...(labels.length === 0 ? [] : [["labels", `${labels.length}: ${short(labels.join(", "))}`] satisfies [string, string]]),
  ];
}

function short(text: string): string {
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}
