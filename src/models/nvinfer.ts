import { stringify } from "yaml";
import { VedetteError } from "../errors.ts";
import type { Manifest } from "./manifest.ts";

/** What became of a DeepStream `nvinfer` configuration. */
export interface NvinferImport {
  readonly manifest: Manifest;
  /** The manifest as a file, with what needs attention as comments. */
  readonly yaml: string;
  /** Settings that a manifest cannot hold, and why or where they belong. */
  readonly leftOut: readonly LeftOut[];
}

/** One setting that was not carried over. */
export interface LeftOut {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly why: string;
}

type Section = Readonly<Record<string, string>>;
type Manifested = { -readonly [K in keyof Manifest]: Manifest[K] };

/**
 * A manifest out of the text of an `nvinfer` configuration (DeepStream 5 and 6 keys). `labels`: the lines of its label
 * file, when at hand, for thresholds of single classes. Throws `E_CONFIG` for a text without `[property]`.
 * Source: DeepStream SDK, "Gst-nvinfer" (https://docs.nvidia.com/metropolis/deepstream/dev-guide).
 */
export function importNvinfer(text: string, where: string, labels?: readonly string[]): NvinferImport {
  const sections = parseIni(text);
  const property = sections.get("property");
  if (property === undefined) {
    throw new VedetteError("E_CONFIG", { where, reason: "no [property] section: not an nvinfer configuration" });
  }
  const left: LeftOut[] = [];
  const used = new Set<string>();
  const take = (key: string): string | undefined => {
    used.add(key);
    return property[key];
  };
  const manifest: Manifested = {
    ...weights(take, left),
    ...kindOf(take, left),
    input: inputOf(take),
    ...labelsOf(take),
    ...batchOf(take),
  };
  const options = clusterOf(take, left);
  classAttributes(sections, manifest, options, labels, left);
  if (manifest.task === "detect" && manifest.family === "detectnet") {
    manifest.options = options;
  }
  for (const [key, value] of Object.entries(property)) {
    if (!used.has(key) && NEUTRAL[key] !== value) {
      left.push({ section: "property", key, value, why: NOT_CARRIED[key] ?? "Vedette has no such setting" });
    }
  }
  return { manifest, yaml: toYaml(manifest, where, left), leftOut: left };
}

/** What was left out, a line each, for a terminal. */
export function formatLeftOut(leftOut: readonly LeftOut[]): string {
  return leftOut.map(({ section, key, value, why }) => `[${section}] ${key}=${value}: ${why}`).join("\n");
}

type Take = (key: string) => string | undefined;

const COMPILED = "compiled parsers cannot run here; choose the family that reads these outputs, or write a use case";

/** What well-known parsers read. */
const PARSERS: readonly (readonly [RegExp, string])[] = [[/yolox/i, "yolox"], [/yolo/i, "yolo"], [/ssd/i, "ssd"], [/resnet/i, "detectnet"]];

/** Values that say what Vedette does anyway. */
const NEUTRAL: Readonly<Record<string, string>> = { interval: "0", "process-mode": "1", "gpu-id": "0", "gie-unique-id": "1", "maintain-aspect-ratio": "0" };

/** Where a setting without a place in a manifest belongs instead. */
const NOT_CARRIED: Readonly<Record<string, string>> = {
  "gpu-id": "the engine chooses the device: --engine onnx, provider cuda or tensorrt",
  "model-engine-file": "a built TensorRT engine runs on one kind of GPU only; ONNX Runtime builds its own",
  "int8-calib-file": "calibration tables belong to TensorRT; use an ONNX model that is quantised already",
  "network-mode": "precision is that of the ONNX file",
  "force-implicit-batch-dim": "ONNX models say themselves whether their batch varies",
  "gie-unique-id": "streams and models have names",
  "process-mode": "one model looks at whole frames; a second stage is a use case",
  "operate-on-gie-id": "a second stage is a use case",
  "operate-on-class-ids": "a second stage is a use case",
  "input-object-min-width": "a second stage is a use case",
  "input-object-min-height": "a second stage is a use case",
  "classifier-async-mode": "a second stage is a use case",
  "interval": "how often frames are analysed belongs to the stream: --fps, or analyse.fps",
  "mean-file": "a mean picture is not supported; give its average as input.mean",
  "parse-classifier-func-name": COMPILED,
  "custom-lib-path": COMPILED,
  "engine-create-func-name": "compiled code cannot run here",
  "workspace-size": "memory is managed by ONNX Runtime",
  "filter-out-class-ids": "leave the classes out of the rules, or set their classThresholds to 1",
  "output-tensor-meta": "raw outputs reach a use case",
  "secondary-reinfer-interval": "a second stage is a use case",
  "enable-dla": "the engine chooses the device",
  "use-dla-core": "the engine chooses the device",
  "scaling-filter": "pictures are scaled bilinearly",
  "scaling-compute-hw": "the decoder scales",
};

function weights(take: Take, left: LeftOut[]): Pick<Manifest, "file"> {
  const onnx = take("onnx-file");
  if (onnx !== undefined) {
    return { file: onnx };
  }
  const others = ["model-file", "proto-file", "tlt-encoded-model", "uff-file"].map((key) => [key, take(key)] as const);
  take("tlt-model-key");
  for (const [key, value] of others) {
    if (value !== undefined) {
      left.push({ section: "property", key, value, why: "ONNX Runtime cannot read Caffe, UFF or encrypted TAO models: convert it to ONNX and name that file" });
    }
  }
  const named = others.find(([, value]) => value !== undefined)?.[1];
  return named === undefined ? {} : { file: named.replace(/\.[^./\\]+$/, ".onnx") };
}

/** Task and family. Detectors without a parser of their own have DetectNet's outputs: that is what nvinfer itself reads. */
function kindOf(take: Take, left: LeftOut[]): Pick<Manifest, "task" | "family" | "threshold"> {
  const classifierThreshold = take("classifier-threshold");
  switch (take("network-type") ?? "0") {
    case "0": {
      const parser = take("parse-bbox-func-name");
      const family = parser === undefined ? "detectnet" : PARSERS.find(([name]) => name.test(parser))?.[1];
      if (family === undefined && parser !== undefined) {
        left.push({ section: "property", key: "parse-bbox-func-name", value: parser, why: COMPILED });
      }
      return { task: "detect", ...(family === undefined ? {} : { family }) };
    }
    case "1":
      return { task: "classify", family: "softmax", ...(classifierThreshold === undefined ? {} : { threshold: Number(classifierThreshold) }) };
    case "2": {
      const threshold = take("segmentation-threshold");
      return { task: "segment", family: "argmax", ...(threshold === undefined ? {} : { threshold: Number(threshold) }) };
    }
    default:
      left.push({ section: "property", key: "network-type", value: take("network-type") ?? "", why: "no such task here: give task and family" });
      return {};
  }
}

function inputOf(take: Take): NonNullable<Manifest["input"]> {
  const scale = Number(take("net-scale-factor") ?? 1);
  const offsets = numbers(take("offsets"));
  const color = ({ 0: "RGB", 1: "BGR", 2: "GRAY" } as const)[take("model-color-format") ?? "0"] ?? "RGB";
  const [a, b = a, c = a] = offsets;
  const isLetterboxed = take("maintain-aspect-ratio") === "1";
  const isCentred = take("symmetric-padding") === "1";
  return {
    ...sizeOf(take),
    color,
    // nvinfer: value = factor × (pixel − offset).
    ...(isNearly(scale, 1 / 255) && a === undefined ? { normalise: "0..1" } : { scale, ...(a === undefined || b === undefined || c === undefined ? {} : { mean: [a * scale, b * scale, c * scale] }) }),
    ...(isLetterboxed ? { fit: "letterbox", anchor: isCentred ? "center" : "top-left", pad: 0 } : { fit: "stretch" }),
  };
}

function isNearly(a: number, b: number): boolean {
  return Math.abs(a - b) < 1e-6;
}

function sizeOf(take: Take): Pick<NonNullable<Manifest["input"]>, "width" | "height" | "layout"> {
  const layout = take("network-input-order") === "1" ? "NHWC" : undefined;
  const chw = numbers(take("infer-dims") ?? take("input-dims") ?? take("uff-input-dims") ?? take("uff-input-blob-dims"));
  const [first, second, third] = chw;
  const [height, width] = layout === "NHWC" ? [first, second] : [second, third];
  return { ...(height && width ? { width, height } : {}), ...(layout && { layout }) };
}

function labelsOf(take: Take): Pick<Manifest, "labels"> {
  const file = take("labelfile-path");
  take("num-detected-classes");
  return file === undefined ? {} : { labels: file };
}

function batchOf(take: Take): Pick<Manifest, "maxBatch"> {
  const size = Number(take("batch-size") ?? 0);
  return size > 0 ? { maxBatch: Math.min(size, 256) } : {};
}

/** Names of the outputs, and how boxes are joined. */
function clusterOf(take: Take, left: LeftOut[]): Record<string, unknown> {
  const names = (take("output-blob-names") ?? "").split(";").map((name) => name.trim()).filter((name) => name !== "");
  const coverage = names.find((name) => /cov/i.test(name));
  const bbox = names.find((name) => /box/i.test(name));
  const mode = take("cluster-mode") ?? (take("enable-dbscan") === "1" ? "1" : "0");
  const cluster = ({ 0: "nms", 1: "dbscan", 2: "nms", 3: "dbscan", 4: "none" } as const)[mode] ?? "nms";
  if (mode === "0") {
    left.push({ section: "property", key: "cluster-mode", value: mode, why: "OpenCV's rectangle grouping is not there: non-maximum suppression instead" });
  }
  if (mode === "3") {
    left.push({ section: "property", key: "cluster-mode", value: mode, why: "DBSCAN and suppression one after the other: DBSCAN alone here (in DeepStream 5.0 it meant no clustering: options.cluster none)" });
  }
  return { ...(coverage && { coverage }), ...(bbox && { bbox }), cluster };
}

const CLASS_KEYS: Readonly<Record<string, string>> = {
  "group-threshold": "belongs to rectangle grouping",
  "roi-top-offset": "use a zone",
  "roi-bottom-offset": "use a zone",
  "detected-min-w": "filter by size in a use case",
  "detected-min-h": "filter by size in a use case",
  "detected-max-w": "filter by size in a use case",
  "detected-max-h": "filter by size in a use case",
};

function classAttributes(sections: ReadonlyMap<string, Section>, manifest: Manifested, options: Record<string, unknown>, labels: readonly string[] | undefined, left: LeftOut[]): void {
  const thresholds: Record<string, number> = {};
  for (const [name, section] of sections) {
    const which = /^class-attrs-(all|\d+)$/.exec(name)?.[1];
    if (which === undefined) {
      if (name !== "property") {
        left.push({ section: name, key: "*", value: "", why: "no part of an nvinfer configuration" });
      }
      continue;
    }
    const label = which === "all" ? undefined : labels?.[Number(which)];
    for (const [key, value] of Object.entries(section)) {
      const isCarried = which === "all" ? carryForAll(key, Number(value), manifest, options) : carryForOne(key, Number(value), label, thresholds);
      if (!isCarried) {
        const why = CLASS_KEYS[key] ?? (which === "all" ? "Vedette has no such setting" : label === undefined ? `the label of class ${which} is not known: give the label file` : "holds for all classes here");
        left.push({ section: name, key, value, why });
      }
    }
  }
  if (Object.keys(thresholds).length > 0) {
    manifest.classThresholds = thresholds;
  }
}

function carryForAll(key: string, value: number, manifest: Manifested, options: Record<string, unknown>): boolean {
  switch (key) {
    case "threshold":
    case "pre-cluster-threshold":
      manifest.threshold = value;
      return true;
    case "nms-iou-threshold":
      manifest.nmsIou = value;
      return true;
    case "topk":
      if (value >= 1) {
        manifest.topK = value;
      }
      return true;
    case "eps":
      options["eps"] = Math.min(1, value);
      return true;
    case "minBoxes":
      options["minBoxes"] = Math.max(1, Math.round(value));
      return true;
    default:
      return false;
  }
}

function carryForOne(key: string, value: number, label: string | undefined, thresholds: Record<string, number>): boolean {
  if (label === undefined || (key !== "threshold" && key !== "pre-cluster-threshold")) {
    return false;
  }
  thresholds[label] = value;
  return true;
}

/** GLib key files: `[section]`, `key=value`, `#` comments. Later keys win. */
function parseIni(text: string): ReadonlyMap<string, Section> {
  const sections = new Map<string, Record<string, string>>();
  let current: Record<string, string> | undefined;
  for (const raw of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    const line = raw.trim();
    const section = /^\[(.+)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      current = sections.get(section) ?? {};
      sections.set(section, current);
    } else if (line !== "" && !/^[#;]/.test(line) && line.includes("=") && current !== undefined) {
      const at = line.indexOf("=");
      current[line.slice(0, at).trim()] = line.slice(at + 1).trim();
    }
  }
  return sections;
}

function numbers(list: string | undefined): number[] {
  return (list ?? "").split(/[;,]/).filter((item) => item.trim() !== "").map(Number);
}

function toYaml(manifest: Manifest, where: string, left: readonly LeftOut[]): string {
  const comments = left.map(({ section, key, value, why }) => `#   [${section}] ${key}=${value}: ${why}\n`).join("");
  return `# From ${where}\n${stringify(manifest)}${comments === "" ? "" : `# Not carried over:\n${comments}`}`;
}
