import type { Classification, Detection, Finding } from "../../domain/result.ts";
import { VedetteError } from "../../errors.ts";

/** Bodies of TorchServe's REST interface. */

/** Client-side batching: an object whose keys count from "0" within the batch and whose values are base64 JPEGs. */
export function encodeClientBatch(jpegs: readonly Uint8Array[]): string {
  return JSON.stringify(
    Object.fromEntries(jpegs.map((jpeg, i) => [String(i), Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength).toString("base64")])),
  );
}

/** The pictures of a client-side batch in the object's own order, as the handlers walk it. Undefined when it is none. */
export function decodeClientBatch(json: unknown): readonly Buffer[] | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return undefined;
  }
  const values: readonly unknown[] = Object.values(json);
  if (values.length === 0 || !values.every((value) => typeof value === "string" && BASE64.test(value))) {
    return undefined;
  }
  // Just checked: strings.
  return values.map((value) => Buffer.from(value as string, "base64"));
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}\s*$/;

/** Names of the errors that TorchServe answers, by HTTP status. */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "BadRequestException",
  401: "InvalidKeyException",
  403: "ForbiddenException",
  404: "ResourceNotFoundException",
  405: "MethodNotAllowedException",
  408: "RequestTimeoutException",
  409: "ConflictStatusException",
  413: "RequestEntityTooLargeException",
  500: "InternalServerException",
  501: "NotImplementedException",
  503: "ServiceUnavailableException",
  507: "OutOfResourcesException",
};

/** `{"code": 404, "type": "ModelNotFoundException", "message": "Model not found: foo"}`, indented as TorchServe does. */
export function encodeError(status: number, message: string, type = ERROR_TYPES[status] ?? "InternalServerException"): string {
  return `${JSON.stringify({ code: status, type, message }, null, 2)}\n`;
}

/** The message of an error body, or its beginning when it is something else. */
export function errorMessage(body: string): string {
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json === "object" && json !== null && "message" in json && typeof json.message === "string") {
      return json.message;
    }
  } catch {
    // Not JSON: proxies in between answer HTML or plain text.
  }
  return body.trim().slice(0, 200);
}

/** gRPC status codes by HTTP status, as TorchServe maps them. */
export function grpcStatusOf(status: number): number {
  return GRPC_STATUS[status] ?? 13;
}

const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 5, // NOT_FOUND
  409: 10, // ABORTED
  413: 8, // RESOURCE_EXHAUSTED
  429: 8,
  503: 14, // UNAVAILABLE
  504: 4, // DEADLINE_EXCEEDED
};

/** The answer of `image_classifier`: labels with probabilities, best first, indented by two. */
export function encodeClasses(classes: readonly Classification[]): string {
  return JSON.stringify(Object.fromEntries(classes.map(({ label, score }) => [label, score])), null, 2);
}

/** The answer of `object_detector`: one `{label: [x1, y1, x2, y2], "score": s}` for each object. */
export function encodeDetections(detections: readonly Detection[]): string {
  return JSON.stringify(detections.map(detectionRow), null, 2);
}

function detectionRow({ label, box, score }: Detection): Record<string, unknown> {
  return { [label]: box, score };
}

/**
 * What an answer says, as a finding: a label → probability object becomes classes (best first), a list of
 * `{label: box, "score": s}` detections, anything else is kept as `data`. Labels that the model lists get their index, others −1.
 */
export function findingOf(answer: unknown, labels: readonly string[], threshold: number): Finding {
  const classes = classesOf(answer, labels);
  if (classes !== undefined) {
    return { classes: classes.filter(({ score }) => score >= threshold).sort((a, b) => b.score - a.score) };
  }
  const detections = Array.isArray(answer) ? answer.map((row: unknown) => detectionOf(row, labels)) : undefined;
  if (detections?.every((detection) => detection !== undefined) === true) {
    return { detections: detections.filter(({ score }) => score >= threshold) };
  }
  return { data: answer };
}

/** The rows of a client-side batch's answer: one for each picture. Throws `E_WIRE` when their number differs. */
export function decodeBatchAnswer(answer: unknown, count: number): readonly unknown[] {
  if (!Array.isArray(answer) || answer.length !== count) {
    throw new VedetteError("E_WIRE", {
      where: "answer to a batch",
      expected: `a list of ${count}, one for each picture`,
      got: Array.isArray(answer) ? `a list of ${answer.length}` : answer === null ? "null" : typeof answer,
    });
  }
  return answer;
}

function classesOf(answer: unknown, labels: readonly string[]): Classification[] | undefined {
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    return undefined;
  }
  const entries: [string, unknown][] = Object.entries(answer);
  return entries.length > 0 && entries.every((entry): entry is [string, number] => isScore(entry[1]))
    ? entries.map(([label, score]) => ({ label, classId: labels.indexOf(label), score }))
    : undefined;
}

function detectionOf(row: unknown, labels: readonly string[]): Detection | undefined {
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    return undefined;
  }
  const entries: [string, unknown][] = Object.entries(row);
  const score = entries.find(([key]) => key === "score")?.[1];
  const rest = entries.filter(([key]) => key !== "score");
  const [first] = rest;
  if (rest.length !== 1 || first === undefined || !isScore(score) || !isBox(first[1])) {
    return undefined;
  }
  return { label: first[0], classId: labels.indexOf(first[0]), score, box: first[1] };
}

function isScore(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 1;
}

function isBox(value: unknown): value is [number, number, number, number] {
  return Array.isArray(value) && value.length === 4 && value.every((number) => typeof number === "number" && Number.isFinite(number));
}
