import { configError } from "./config-error.ts";
import { nearest } from "../runtime/nearest.ts";
import type { RuleContext } from "../contracts/kinds.ts";
import type { Box, Detection, Point } from "../domain/result.ts";

/** Which point of a box says where the object is. */
export type PointOfBox = "feet" | "center";

/** A detection with an identity. */
export type Tracked = Detection & { readonly trackId: number };

/** The setting that says which detections a rule looks at. */
export interface SubjectConfig {
  readonly name: string;
  readonly classes?: readonly string[] | undefined;
  readonly minScore: number;
}

/** Whether a rule looks at a detection. Refuses classes that the model does not have, naming the nearest it has. */
export function createSubject(config: SubjectConfig, context: RuleContext): (detection: Detection) => boolean {
  const { name, classes, minScore } = config;
  if (classes?.length === 0) {
    throw configError(name, "classes", "expected at least one label (leave it out for all classes)");
  }
  for (const label of classes ?? []) {
    checkLabel(label, name, "classes", context);
  }
  const wanted = classes === undefined ? undefined : new Set(classes);
  // Scores count as they are printed, so that stored results give the same events.
  return ({ label, score }) => toTenThousandths(score) >= minScore && (wanted === undefined || wanted.has(label));
}

/** Throws when the model's labels are known and this is none of them. */
export function checkLabel(label: string, rule: string, field: string, context: RuleContext): void {
  const { labels } = context;
  if (labels === undefined || labels.includes(label)) {
    return;
  }
  const meant = nearest(label, labels);
  const advice = meant === undefined ? `it has ${listOf(labels)}` : `did you mean "${meant}"?`;
  throw configError(rule, field, `the model has no class "${label}": ${advice}`);
}

/** Refuses a stream that has no tracker: without identities nothing could ever be counted. */
export function needTracks(rule: string, kind: string, context: RuleContext): void {
  if (context.isTracked === false) {
    throw configError(rule, "kind", `a ${kind} follows objects over time: the stream needs a tracker (track: { kind: bytetrack })`);
  }
}

/** Those of the detections that have an identity, by rising identity: the same results give the same event ids in whatever order a model reports. */
export function trackedOf(detections: readonly Detection[] | undefined, isSubject: (detection: Detection) => boolean): readonly Tracked[] {
  return (detections ?? [])
    .filter((detection): detection is Tracked => detection.trackId !== undefined && isSubject(detection))
    .sort((a, b) => a.trackId - b.trackId);
}

/** Orders detections: the surest first; equals by place and identity, so that the model's own order never matters. */
export function bySureness(a: Detection, b: Detection): number {
  return b.score - a.score || a.box[0] - b.box[0] || a.box[1] - b.box[1] || (a.trackId ?? 0) - (b.trackId ?? 0);
}

/**
 * Where an object is. Boxes count as they are printed, to a tenth of a pixel, so that stored results give the same
 * events as the running stream did.
 */
export function pointOf(box: Box, point: PointOfBox): Point {
  const [x1, y1, x2, y2] = box.map(toTenths) as unknown as Box; // four values in, four out
  return [(x1 + x2) / 2, point === "feet" ? y2 : (y1 + y2) / 2];
}

/** Height of a box as printed, at least one pixel. */
export function heightOf(box: Box): number {
  return Math.max(1, toTenths(box[3]) - toTenths(box[1]));
}

/** A score as it is printed. */
export function toTenThousandths(score: number): number {
  return Math.round(score * 1e4) / 1e4;
}

function toTenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function listOf(labels: readonly string[]): string {
  const shown = labels.slice(0, 8).map((label) => `"${label}"`);
  return labels.length > shown.length ? `${shown.join(", ")} and ${labels.length - shown.length} more` : shown.join(", ");
}
