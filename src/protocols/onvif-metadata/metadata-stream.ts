import type { Detection, Result } from "../../domain/result.ts";

/** Encoding name and clock of the track (ONVIF Streaming Specification §5.1.2.1.1). */
export const ONVIF_METADATA_RTPMAP = "vnd.onvif.metadata/90000";

/** Classes of the ONVIF Analytics Service Specification §5.2.3 for labels that models use. */
const ONVIF_CLASSES: Readonly<Record<string, string>> = {
  person: "Human",
  pedestrian: "Human",
  face: "Face",
  car: "Vehicle",
  truck: "Vehicle",
  bus: "Vehicle",
  motorcycle: "Vehicle",
  bicycle: "Vehicle",
  train: "Vehicle",
  vehicle: "Vehicle",
  dog: "Animal",
  cat: "Animal",
  bird: "Animal",
  horse: "Animal",
};

/**
 * One result as an ONVIF metadata document (`tt:MetadataStream`, ONVIF Analytics Service Specification §5.3): a video
 * management system draws its boxes. Boxes are in source pixels; `Transformation` says how they lie in ONVIF's
 * coordinates (−1…1, upwards). Objects without a track are numbered by their place.
 */
export function writeOnvifMetadata(result: Result): string {
  const { width, height, capturedAtMs, detections = [] } = result;
  const objects = detections.map((detection, index) => writeObject(detection, detection.trackId ?? index)).join("");
  return (
    `<?xml version="1.0" encoding="UTF-8"?>` +
    `<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:VideoAnalytics>` +
    `<tt:Frame UtcTime="${new Date(capturedAtMs).toISOString()}">` +
    `<tt:Transformation><tt:Translate x="-1" y="1"/><tt:Scale x="${shown(2 / width, 8)}" y="${shown(-2 / height, 8)}"/></tt:Transformation>` +
    `${objects}</tt:Frame></tt:VideoAnalytics></tt:MetadataStream>`
  );
}

function writeObject({ label, score, box }: Detection, id: number): string {
  const [left, top, right, bottom] = box;
  const likelihood = shown(score, 4);
  const standard = ONVIF_CLASSES[label];
  const types = [...(standard === undefined ? [] : [standard]), label].map((type) => `<tt:Type Likelihood="${likelihood}">${escape(type)}</tt:Type>`);
  return (
    `<tt:Object ObjectId="${String(id)}"><tt:Appearance><tt:Shape>` +
    `<tt:BoundingBox left="${shown(left, 2)}" top="${shown(top, 2)}" right="${shown(right, 2)}" bottom="${shown(bottom, 2)}"/>` +
    `<tt:CenterOfGravity x="${shown((left + right) / 2, 2)}" y="${shown((top + bottom) / 2, 2)}"/></tt:Shape>` +
    `<tt:Class>${types.join("")}</tt:Class></tt:Appearance></tt:Object>`
  );
}

/** xs:float with a few digits. */
function shown(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function escape(text: string): string {
  // Control characters other than tab and line breaks may not occur in XML at all.
  return text.replace(/[&<>"]/g, (character) => `&#${String(character.charCodeAt(0))};`).replace(/[^\t\n\r\u0020-\uFFFD]/g, "?");
}

/** The document as RTP payloads of at most `maxBytes`; the last gets the marker (ONVIF Streaming Specification §5.1.2.1.1). */
export function payloadOnvifMetadata(document: string, maxBytes: number): Uint8Array[] {
  const bytes = Buffer.from(document, "utf8");
  const payloads: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += maxBytes) {
    payloads.push(bytes.subarray(offset, offset + maxBytes));
  }
  return payloads;
}
