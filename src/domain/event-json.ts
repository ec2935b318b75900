import type { JsonValue } from "./result-json.ts";
import { detectionToJson } from "./result-json.ts";
import type { RuleEvent } from "./event.ts";

/** An event as everybody outside sees it; keys in a fixed order, the detection as in results. */
export function eventToJson(event: RuleEvent): { readonly [key: string]: JsonValue } {
  const { id, stream, rule, type, ptsUs, capturedAtMs, seq, detection, data } = event;
  const date = new Date(capturedAtMs);
  return {
    id,
    stream,
    rule,
    type,
    ptsUs,
    capturedAt: Number.isNaN(date.getTime()) ? null : date.toISOString(),
    seq,
    ...(detection !== undefined && { detection: detectionToJson(detection) }),
    // Rules promise JSON here.
    data: data as JsonValue,
  };
}
