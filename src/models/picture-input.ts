import { VedetteError } from "../errors.ts";
import { describeTensors } from "../tasks/family.ts";
import type { InputDefaults, ModelFacts, Normalise } from "../tasks/family.ts";
import type { InputSpec, TensorSpec } from "../domain/model.ts";
import type { Manifest } from "./manifest.ts";
import type { Missing, Note } from "./notes.ts";

type Given = NonNullable<Manifest["input"]>;
type Numbers = Pick<InputSpec, "scale" | "mean" | "std">;

/** What can be said of a network's picture input from its declared shape. Sizes are -1 when they may vary. */
export interface PictureInput {
  readonly spec: TensorSpec;
  readonly layout: InputSpec["layout"] | undefined;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

const NORMALISE: Readonly<Record<Normalise, Numbers>> = {
  "0..255": { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
  "0..1": { scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] },
  "-1..1": { scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
  imagenet: { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

/** Finds the picture among the declared inputs. Throws `E_MODEL_BROKEN` for a network that cannot be fed with one picture. */
export function pictureInput(name: string, inputs: readonly TensorSpec[], given: Given): PictureInput {
  const fail = (reason: string): VedetteError => new VedetteError("E_MODEL_BROKEN", { model: name, reason });
  const [spec] = inputs;
  if (spec === undefined) {
    // A remote model whose server does not describe it: everything has to be given.
    const assumed: TensorSpec = { name: given.name ?? "input", type: given.type ?? "float32", shape: [] };
    return { spec: assumed, layout: given.layout, width: -1, height: -1, channels: 3 };
  }
  if (inputs.length > 1) {
    throw fail(`it takes ${inputs.length} inputs (${describeTensors(inputs)}), expected one picture`);
  }
  const [batch = -1, second = -1, third = -1, fourth = -1] = spec.shape;
  const layout = given.layout ?? layoutOf(second, fourth);
  const [channels, height, width] = layout === "NHWC" ? [fourth, second, third] : [second, third, fourth];
  const checks: readonly [isWrong: boolean, expected: string][] = [
    [spec.shape.length !== 4 && spec.shape.length !== 0, "[batch, channels, height, width] or [batch, height, width, channels]"],
    [!["float32", "float16", "uint8"].includes(spec.type), "float32, float16 or uint8"],
    [batch > 1, "a batch size of 1 or a variable one"],
    [layout !== undefined && ![-1, 1, 3].includes(channels), `1 or 3 channels as ${String(layout)}`],
  ];
  const expected = checks.find(([isWrong]) => isWrong)?.[1];
  if (expected !== undefined) {
    throw fail(`its input ${describeTensors([spec])} cannot take a picture: expected ${expected}`);
  }
  return { spec, layout, width, height, channels };
}

function layoutOf(second: number, last: number): InputSpec["layout"] | undefined {
  const isColour = (n: number): boolean => n === 1 || n === 3;
  return isColour(second) ? "NCHW" : isColour(last) ? "NHWC" : undefined;
}

/** The whole input, or undefined with what is missing added to the list. `preferred`: what the family or the file suggests. */
export function completeInput(
  picture: PictureInput, size: { readonly width: number; readonly height: number }, given: Given, preferred: InputDefaults,
  notes: Note[], missing: Missing[],
): InputSpec | undefined {
  const width = sizeOf(size.width, preferred.width, given);
  const height = sizeOf(size.height, preferred.height, given);
  const { layout, spec, channels } = picture;
  // The declared type was checked when the picture was found.
  const type = given.type ?? (spec.type as InputSpec["type"]);
  const color = given.color ?? (channels === 1 ? "GRAY" : (preferred.color ?? "RGB"));
  const numbers = type === "uint8" ? NORMALISE["0..255"] : normalisation(given, preferred, color, notes);
  const absent: readonly [boolean, Missing][] = [
    [width === undefined || height === undefined, { what: "input size", flag: "--input-size WxH" }],
    [layout === undefined, { what: "layout", flag: "--layout NCHW|NHWC" }],
    [numbers === undefined, { what: "normalisation", flag: `--normalise ${Object.keys(NORMALISE).join("|")}` }],
  ];
  missing.push(...absent.flatMap(([isAbsent, what]) => (isAbsent ? [what] : [])));
  if (width === undefined || height === undefined || layout === undefined || numbers === undefined) {
    return undefined;
  }
  notes.push({ what: "input", value: `${width}×${height} ${color} ${layout} ${type}`, why: `declared as ${describeTensors([spec])}` });
  return { name: given.name ?? spec.name, width, height, layout, color, type, ...placement(given, preferred), ...numbers };
}

/** Width or height; pictures that go at their own size have none of the model's. */
function sizeOf(known: number, preferred: number | undefined, { fit }: Given): number | undefined {
  return known > 0 ? known : (preferred ?? (fit === "none" ? 0 : undefined));
}

function placement(given: Given, preferred: InputDefaults): Pick<InputSpec, "fit" | "anchor" | "pad"> {
  return {
    fit: given.fit ?? preferred.fit ?? "stretch",
    anchor: given.anchor ?? preferred.anchor ?? "center",
    pad: given.pad ?? preferred.pad ?? 0,
  };
}

function normalisation(given: Given, preferred: InputDefaults, color: InputSpec["color"], notes: Note[]): Numbers | undefined {
  if (isNumbers(given)) {
    return withNumbers(given.normalise === undefined ? NORMALISE["0..255"] : named(given.normalise, color), given);
  }
  if (given.normalise !== undefined) {
    return named(given.normalise, color);
  }
  if (isNumbers(preferred)) {
    return withNumbers(NORMALISE["0..255"], preferred);
  }
  if (preferred.normalise !== undefined) {
    notes.push({ what: "normalisation", value: preferred.normalise, why: "usual for these outputs" });
    return named(preferred.normalise, color);
  }
  return undefined;
}

interface LooseNumbers {
  readonly scale?: number | undefined;
  readonly mean?: number | InputSpec["mean"] | undefined;
  readonly std?: number | InputSpec["std"] | undefined;
}

function isNumbers({ scale, mean, std }: LooseNumbers): boolean {
  return scale !== undefined || mean !== undefined || std !== undefined;
}

function withNumbers(base: Numbers, { scale, mean, std }: LooseNumbers): Numbers {
  return { scale: scale ?? base.scale, mean: spread(mean ?? base.mean), std: spread(std ?? base.std) };
}

function spread(value: number | InputSpec["mean"]): InputSpec["mean"] {
  return typeof value === "number" ? [value, value, value] : value;
}

/** The numbers of a usual normalisation; they are written down for RGB. */
function named(name: Normalise, color: InputSpec["color"]): Numbers {
  const { scale, mean, std } = NORMALISE[name];
  const turned = ([a, b, c]: InputSpec["mean"]): InputSpec["mean"] => (color === "BGR" ? [c, b, a] : [a, b, c]);
  return { scale, mean: turned(mean), std: turned(std) };
}

/** Preparation that metadata states: Windows ML's image annotations (https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md). */
export function hintsOf(metadata: ModelFacts["metadata"]): InputDefaults {
  const format = metadata["Image.BitmapPixelFormat"] ?? "";
  const color = (["GRAY", "BGR", "RGB"] as const).find((name) => format.toUpperCase().startsWith(name));
  const ranges: Readonly<Record<string, Normalise>> = { NominalRange_0_255: "0..255", Normalized_0_1: "0..1", Normalized_1_1: "-1..1" };
  const normalise = ranges[metadata["Image.NominalPixelRange"] ?? ""];
  return { ...(color && { color }), ...(normalise && { normalise }) };
}
