import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { VedetteError } from "../errors.ts";
import { readGraph } from "./onnx-graph.ts";
import type { OnnxGraph } from "./onnx-graph.ts";

/** An ONNX file as it describes itself: never more than its graph, no weights kept. */
export interface OnnxFile extends OnnxGraph {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Protocol Buffers cannot hold more in one message, so a larger file is not an ONNX model. */
const LARGEST_BYTES = 2 ** 31;

/**
 * Reads what an ONNX file says about itself. Throws `E_MODEL_NOT_FOUND`; `E_MODEL_BROKEN` when it is not a whole ONNX
 * model; `E_MODEL_EXTERNAL_DATA` when its weights lie in files outside its own folder, which a downloaded model could
 * use to read any file of this machine.
 */
export async function readOnnxFile(path: string): Promise<OnnxFile> {
  const bytes = await readWhole(path);
  let graph: OnnxGraph;
  try {
    graph = readGraph(bytes);
  } catch (error) {
    throw broken(path, firstLine(bytes) ?? `it is cut short or not an ONNX model (${reason(error)})`, error);
  }
  if (graph.inputs.length === 0 || graph.outputs.length === 0) {
    throw broken(path, firstLine(bytes) ?? "it has no graph with inputs and outputs");
  }
  await checkExternalData(path, graph.externalData);
  return { ...graph, path, sizeBytes: bytes.length };
}

/** SHA-256 of a file, in lower-case hexadecimal. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { signal })) {
    hash.update(chunk as Buffer); // A stream without an encoding gives buffers.
  }
  return hash.digest("hex");
}

async function readWhole(path: string): Promise<Uint8Array> {
  const info = await stat(path).catch((error: unknown) => {
    throw new VedetteError("E_MODEL_NOT_FOUND", { model: path }, { cause: error });
  });
  if (!info.isFile()) {
    throw broken(path, "it is not a file");
  }
  if (info.size === 0) {
    throw broken(path, "it is empty");
  }
  if (info.size >= LARGEST_BYTES) {
    throw broken(path, "it is larger than 2 GiB, which no ONNX file can be");
  }
  try {
    await using file = await open(path);
    return await file.readFile();
  } catch (error) {
    throw broken(path, reason(error), error);
  }
}

async function checkExternalData(path: string, locations: readonly string[]): Promise<void> {
  if (locations.length === 0) {
    return;
  }
  const folder = await realpath(dirname(path));
  for (const location of locations) {
    const target = resolve(folder, location);
    if (isAbsolute(location) || /^[a-z]:|\\/i.test(location) || !isInside(folder, target)) {
      throw new VedetteError("E_MODEL_EXTERNAL_DATA", { model: path, path: location });
    }
    const real = await realpath(target).catch((error: unknown) => {
      throw broken(path, `its weights are missing: ${location}`, error);
    });
    // A symbolic link beside the model may point anywhere.
    if (!isInside(folder, real)) {
      throw new VedetteError("E_MODEL_EXTERNAL_DATA", { model: path, path: location });
    }
  }
}

function isInside(folder: string, target: string): boolean {
  const path = relative(folder, target);
  return path !== "" && path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}

/** A friendlier reason for the usual mix-ups: a Git LFS pointer, a web page, another format. */
function firstLine(bytes: Uint8Array): string | undefined {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  if (head.startsWith("version https://git-lfs")) {
    return "it is a Git LFS pointer, not the weights: run `git lfs pull`, or download the file itself";
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(head)) {
    return "it is a web page or XML file";
  }
  if (head.startsWith("PK")) {
    return "it is a ZIP archive (a PyTorch file?), expected ONNX";
  }
  return head.slice(4, 8) === "TFL3" ? "it is a TensorFlow Lite file, expected ONNX" : undefined;
}

function broken(path: string, why: string, cause?: unknown): VedetteError {
  return new VedetteError("E_MODEL_BROKEN", { model: path, reason: why }, { cause });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
