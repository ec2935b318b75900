import { createHash } from "node:crypto";
import type { CloudEvent } from "../../events/cloud-event.ts";

/** A message to publish. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

/** How a rule's binary sensor stands after an event: `pulse` is on for a moment. */
export type SensorState = "on" | "off" | "pulse";

/** Where the entities of one stream live. */
export interface EntityOptions {
  readonly stream: string;
  /** The topic of the events: states lie below it. */
  readonly topic: string;
  /** Home Assistant's own, `homeassistant` by default. */
  readonly prefix: string;
}

/** Where "online" and "offline" are said, the latter by the broker when the process dies. */
export function availabilityTopic(topic: string): string {
  return `${topic}/status`;
}

/**
 * The retained messages that make a rule's entities appear by themselves (home-assistant.io/integrations/mqtt,
 * "MQTT Discovery"): a `binary_sensor` that is on while something happens, and a `sensor` that counts.
 */
export function discoveryMessages(rule: string, { stream, topic, prefix }: EntityOptions): readonly MqttMessage[] {
  const node = `vedette_${plainId(stream)}`;
  const object = plainId(rule);
  const topics = ruleTopics(rule, topic);
  const shared = {
    availability_topic: availabilityTopic(topic),
    device: { identifiers: [node], name: `Vedette ${stream}`, manufacturer: "Vedette", model: "video stream" },
    origin: { name: "vedette" },
  };
  const binary = { ...shared, name: rule, unique_id: `${node}_${object}`, device_class: "motion", state_topic: topics.state, payload_on: "ON", payload_off: "OFF" };
  const counter = {
    ...shared,
    name: `${rule} count`,
    unique_id: `${node}_${object}_count`,
    icon: "mdi:counter",
    state_class: "total_increasing",
    state_topic: topics.count,
  };
  return [
    { topic: `${prefix}/binary_sensor/${node}/${object}/config`, payload: JSON.stringify(binary), retain: true },
    { topic: `${prefix}/sensor/${node}/${object}_count/config`, payload: JSON.stringify(counter), retain: true },
  ];
}

/** Where a rule's states are published. */
export function ruleTopics(rule: string, topic: string): { readonly state: string; readonly count: string } {
  const level = plainId(rule);
  return { state: `${topic}/${level}/state`, count: `${topic}/${level}/count` };
}

/** What an event means for its rule's binary sensor. */
export function stateAfter({ data }: CloudEvent): SensorState {
  const { type, data: details } = data as { readonly type: string; readonly data: { readonly occupancy?: unknown } };
  if (typeof details.occupancy === "number") {
    return details.occupancy > 0 ? "on" : "off";
  }
  if (type.endsWith(".started")) {
    return "on";
  }
  return type.endsWith(".ended") || type.endsWith("_ended") ? "off" : "pulse";
}

/** Discovery allows `[a-zA-Z0-9_-]` in ids, and levels of a topic hold no `/`, `+` or `#`; a digest keeps changed names apart. */
function plainId(name: string): string {
  const plain = name.replaceAll(/[^\w-]/g, "_");
  return plain === name ? name : `${plain}_${createHash("sha256").update(name).digest("hex").slice(0, 6)}`;
}
