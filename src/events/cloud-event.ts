import { eventToJson } from "../domain/event-json.ts";
import type { RuleEvent } from "../domain/event.ts";
import type { JsonValue } from "../domain/result-json.ts";
import type { WallTimeMs } from "../domain/time.ts";

/** The media type of one event in structured mode (CloudEvents JSON format §3). */
export const CLOUD_EVENT_TYPE = "application/cloudevents+json; charset=UTF-8";

/** An event in CloudEvents 1.0 JSON format (github.com/cloudevents/spec, `cloudevents/formats/json-format.md`). */
export interface CloudEvent {
  readonly specversion: "1.0";
  /** Stable: consumers recognise by it what they have seen already. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The rule. */
  readonly subject: string;
  /** When it happened: the capture time. Left out when the source told none. */
  readonly time?: string;
  /** When Vedette found it (an extension attribute). */
  readonly emittedtime: string;
  readonly datacontenttype: "application/json";
  readonly data: { readonly [key: string]: JsonValue };
}

/** The event as everybody outside gets it. */
export function toCloudEvent(event: RuleEvent, emittedAtMs: WallTimeMs): CloudEvent {
  const captured = new Date(event.capturedAtMs);
  return {
    specversion: "1.0",
    id: event.id,
    // A URI reference (RFC 3986 §4.2): names of streams may hold any character.
    source: `/vedette/streams/${encodeURIComponent(event.stream)}`,
    type: `vedette.${event.type}`,
    subject: event.rule,
    ...(Number.isNaN(captured.getTime()) ? {} : { time: captured.toISOString() }),
    emittedtime: new Date(emittedAtMs).toISOString(),
    datacontenttype: "application/json",
    data: eventToJson(event),
  };
}
