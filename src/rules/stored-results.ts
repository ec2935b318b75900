import { z } from "zod";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import type { Result } from "../domain/result.ts";

/** A line that is no result: its number (from 1) and what is wrong with it. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

const score = z.number();
const keypoint = z.object({ name: z.string().default(""), x: z.number(), y: z.number(), score: score.default(1) });
const box = z.tuple([z.number(), z.number(), z.number(), z.number()]).readonly();

/** A stored result. Fields that a newer program added are passed over. */
const storedResult = z.object({
  stream: z.string().default("stream"),
  seq: z.int().min(0),
  ptsUs: z.number(),
  /** null: the camera's clock told no time. */
  capturedAt: z.iso.datetime({ offset: true }).nullable(),
  width: z.int().positive(),
  height: z.int().positive(),
  detections: z
    .array(
      z.object({
        label: z.string(),
        classId: z.int().default(-1),
        score,
        box,
        trackId: z.int().optional(),
        keypoints: z.array(keypoint).optional(),
      }),
    )
    .optional(),
  classes: z.array(z.object({ label: z.string(), classId: z.int().default(-1), score })).optional(),
  poses: z.array(z.object({ score: score.default(1), keypoints: z.array(keypoint), box: box.optional() })).optional(),
  segments: z.object({ labels: z.array(z.string()), areas: z.array(z.number()) }).optional(),
  timingsMs: z.record(z.string(), z.number()).default({}),
  ageMs: z.number().default(0),
  data: z.unknown().optional(),
});

/**
 * One line of stored results, as a result; a text says what is wrong with it, undefined that it is something else which
 * belongs there (an event, the summary).
 */
export function parseResult(line: string): Result | string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "not JSON";
  }
  if (typeof value === "object" && value !== null && ("event" in value || "summary" in value) && !("seq" in value)) {
    return undefined;
  }
  const parsed = storedResult.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `${issue?.path.join(".") || "line"}: ${issue?.message ?? "not a result"}`;
  }
  const { capturedAt, ptsUs, ...rest } = parsed.data;
  // zod says `| undefined` of absent keys; those are gone here.
  return withoutUndefined({ ...rest, ptsUs: mediaTimeUs(ptsUs), capturedAtMs: wallTimeMs(capturedAt === null ? 0 : Date.parse(capturedAt)) }) as Result;
}

/** Lines of stored results, in order; empty lines and events are passed over, bad lines are told of and passed over. */
export async function* readResults(
  lines: AsyncIterable<string> | Iterable<string>,
  onBadLine: (bad: BadLine) => void,
): AsyncGenerator<Result, void, undefined> {
  let line = 0;
  for await (const text of lines) {
    line += 1;
    const result = text.trim() === "" ? undefined : parseResult(text);
    if (typeof result === "string") {
      onBadLine({ line, reason: result });
    } else if (result !== undefined) {
      yield result;
    }
  }
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutUndefined);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, withoutUndefined(item)]])));
}
