import type { Box, Detection, Keypoint, Pose, Result } from "./result.ts";

/** Any value that JSON can say. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * A result as everybody outside sees it (JSON lines, API, brokers): keys in a fixed order, coordinates in source pixels
 * with one decimal, scores and areas with four, times in milliseconds with two (ages one). Kinds without entries are left out, as
 * are embeddings, masks and images.
 */
export function resultToJson(result: Result): { readonly [key: string]: JsonValue } {
  const { detections = [], classes = [], poses = [], segments } = result;
  return {
    stream: result.stream,
    seq: result.seq,
    ptsUs: result.ptsUs,
    capturedAt: isoTime(result.capturedAtMs),
    width: result.width,
    height: result.height,
    ...(detections.length > 0 && { detections: detections.map(detectionToJson) }),
    ...(classes.length > 0 && {
      classes: classes.map(({ label, classId, score }) => ({ label, classId, score: round(score, 4) })),
    }),
    ...(poses.length > 0 && { poses: poses.map(poseToJson) }),
    ...(segments !== undefined &&
      segments.labels.length > 0 && {
        segments: { labels: segments.labels, areas: segments.areas.map((area) => round(area, 4)) },
      }),
    // A use case's own value is handed on as it is: whether JSON can say it shows when it is written.
    ...(result.data !== undefined && { data: result.data as JsonValue }),
    timingsMs: timingsToJson(result.timingsMs),
    ageMs: round(result.ageMs, 1),
  };
}

/** One detection, as in {@link resultToJson}; events carry it too. */
export function detectionToJson(detection: Detection): { readonly [key: string]: JsonValue } {
  const { label, classId, score, box, trackId, keypoints = [] } = detection;
  return {
    label,
    classId,
    score: round(score, 4),
    box: boxToJson(box),
    ...(trackId !== undefined && { trackId }),
    ...(keypoints.length > 0 && { keypoints: keypoints.map(keypointToJson) }),
  };
}

function poseToJson(pose: Pose): JsonValue {
  return {
    score: round(pose.score, 4),
    keypoints: pose.keypoints.map(keypointToJson),
    ...(pose.box !== undefined && { box: boxToJson(pose.box) }),
  };
}

function keypointToJson({ name, x, y, score }: Keypoint): JsonValue {
  return { name, x: round(x, 1), y: round(y, 1), score: round(score, 4) };
}

function boxToJson(box: Box): JsonValue {
  return box.map((value) => round(value, 1));
}

function timingsToJson(timings: Result["timingsMs"]): JsonValue {
  const order = ["decode", "prepare", "queue", "infer", "interpret", "track"] as const;
  return Object.fromEntries(order.flatMap((stage) => {
    const ms = timings[stage];
    return ms === undefined ? [] : [[stage, round(ms, 2)]];
  }));
}

/** Milliseconds since the epoch as ISO 8601; null when it is no date. */
function isoTime(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function round(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  // Adding 0 turns −0 into 0.
  return Math.round(value * factor) / factor + 0;
}
