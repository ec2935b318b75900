import type { Interpreter } from "../contracts/engine.ts";
import type { Finding } from "../domain/result.ts";
import { decodeClientBatch, encodeClasses, encodeDetections } from "../protocols/torchserve/bodies.ts";
import { createInterpreter } from "../tasks/interpreter.ts";
import { formFields } from "./form-data.ts";
import type { PictureReader } from "./picture-reader.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

const interpreters = new WeakMap<ServedModel, Interpreter>();

/**
 * TorchServe's prediction: a picture (raw, or the field `data` of a form) to the answer of the default handlers, or a
 * JSON object of base64 pictures (client-side batching) to an array of such answers. Returns JSON text.
 */
export async function predict(
  served: ServedModel,
  body: Buffer,
  contentType: string,
  pictures: PictureReader,
  signal: AbortSignal,
): Promise<string> {
  if (contentType.startsWith("application/json") || body[0] === 0x7b) {
    return `[${(await Promise.all(clientBatch(body).map((picture) => answer(served, picture, pictures, signal)))).join(",\n")}]`;
  }
  if (contentType.startsWith("multipart/form-data")) {
    const fields = formFields(body, contentType);
    const picture = fields.get("data") ?? fields.get("body") ?? [...fields.values()][0];
    if (picture === undefined) {
      throw new RequestError("invalid", "expected a form with the field data, got an empty one");
    }
    return answer(served, picture, pictures, signal);
  }
  return answer(served, body, pictures, signal);
}

function clientBatch(body: Buffer): readonly Buffer[] {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch (error) {
    throw new RequestError("invalid", "expected JSON, got something else", { cause: error });
  }
  const batch = decodeClientBatch(json);
  if (batch === undefined) {
    throw new RequestError("invalid", 'expected a JSON object of base64 pictures ({"0": "/9j/…"}), got other JSON');
  }
  return batch;
}

/** Every picture is a request of its own to the model, so that pictures of all clients come into the same batches. */
async function answer(served: ServedModel, picture: Uint8Array, pictures: PictureReader, signal: AbortSignal): Promise<string> {
  const { model } = served;
  if (model === undefined) {
    throw new RequestError("invalid", `Model "${served.name}" has no manifest that says how pictures are prepared and outputs read (docs/serving.md); send tensors to /v2/models/${served.name}/infer`);
  }
  const [input] = served.inputs;
  const { tensor, geometries } = await pictures.toTensor([picture], model.input, signal);
  const outputs = await served.infer([{ ...tensor, name: input?.name ?? tensor.name }], signal);
  const interpreter = interpreters.get(served) ?? createInterpreter(model);
  interpreters.set(served, interpreter);
  const [geometry] = geometries;
  if (geometry === undefined) {
    throw new RequestError("internal", "no picture came out of the decoder");
  }
  return encodeFinding(interpreter.interpret(outputs, geometry));
}

function encodeFinding(finding: Finding): string {
  if (finding.classes !== undefined) {
    return encodeClasses(finding.classes);
  }
  if (finding.detections !== undefined) {
    return encodeDetections(finding.detections);
  }
  const { poses, segments, embedding, data } = finding;
  const shown = segments === undefined ? undefined : { labels: segments.labels, areas: segments.areas };
  return JSON.stringify({ poses, segments: shown, embedding: embedding === undefined ? undefined : Array.from(embedding), data }, null, 2);
}
