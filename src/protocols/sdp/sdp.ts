/** A media description (RFC 8866 §5.14) with what RTSP needs of it. */
export interface SdpMedia {
  /** `video`, `audio`, `application`. */
  readonly type: string;
  readonly port: number;
  /** `RTP/AVP` … */
  readonly protocol: string;
  /** Payload types, in order of preference. */
  readonly formats: readonly string[];
  /** `a=` lines in order; a flag has an empty value. */
  readonly attributes: readonly SdpAttribute[];
}

/** `a=name:value`. */
export interface SdpAttribute {
  readonly name: string;
  readonly value: string;
}

/** A session description (RFC 8866). */
export interface Sdp {
  readonly name: string;
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}

/** Limits: a camera's description has two or three media and a few dozen lines. */
const MAX_MEDIA = 64;
const MAX_ATTRIBUTES = 2000;

/**
 * Reads a session description. Tolerant, since cameras break lines and order in every way: unknown lines are skipped.
 * Undefined when there is no `v=`, `o=`, `s=` or `m=` line at all.
 */
export function parseSdp(text: string): Sdp | undefined {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line[1] === "=");
  if (!lines.some((line) => "vosm".includes(line.charAt(0)))) {
    return undefined;
  }
  let name = "";
  const attributes: SdpAttribute[] = [];
  const media: { type: string; port: number; protocol: string; formats: string[]; attributes: SdpAttribute[] }[] = [];
  let count = 0;
  for (const line of lines) {
    const value = line.slice(2).trim();
    const key = line[0];
    if (key === "s" && media.length === 0) {
      name = value;
    } else if (key === "m" && media.length < MAX_MEDIA) {
      const [type = "", port = "", protocol = "", ...formats] = value.split(/\s+/);
      media.push({ type, port: Number.parseInt(port, 10) || 0, protocol, formats, attributes: [] });
    } else if (key === "a" && count++ < MAX_ATTRIBUTES) {
      (media.at(-1)?.attributes ?? attributes).push(parseAttribute(value));
    }
  }
  return { name, attributes, media };
}

function parseAttribute(text: string): SdpAttribute {
  const colon = text.indexOf(":");
  return colon < 0 ? { name: text, value: "" } : { name: text.slice(0, colon).trim(), value: text.slice(colon + 1).trim() };
}

/** Writes a description for RTSP: address 0.0.0.0 and port 0, as the transport is negotiated by SETUP (RFC 2326 C.1). */
export function writeSdp(sdp: Sdp, origin: { readonly sessionId: number; readonly version: number }): string {
  const lines = [
    "v=0",
    `o=- ${String(origin.sessionId)} ${String(origin.version)} IN IP4 127.0.0.1`,
    `s=${clean(sdp.name) || " "}`,
    "c=IN IP4 0.0.0.0",
    "t=0 0",
    ...sdp.attributes.map(attributeLine),
  ];
  for (const { type, port, protocol, formats, attributes } of sdp.media) {
    lines.push(`m=${type} ${String(port)} ${protocol} ${formats.join(" ")}`, ...attributes.map(attributeLine));
  }
  return `${lines.join("\r\n")}\r\n`;
}

function attributeLine({ name, value }: SdpAttribute): string {
  return value === "" ? `a=${clean(name)}` : `a=${clean(name)}:${clean(value)}`;
}

function clean(text: string): string {
  return text.replace(/[\r\n\0]/g, " ");
}

/** The first attribute of that name. */
export function sdpAttribute(of: { readonly attributes: readonly SdpAttribute[] }, name: string): string | undefined {
  return of.attributes.find((attribute) => attribute.name === name)?.value;
}

/** `a=rtpmap` of a payload type: encoding name in capitals, clock rate and channels. */
export interface RtpMap {
  readonly payloadType: number;
  readonly encoding: string;
  readonly clockRateHz: number;
  readonly channels: number;
}

/** Payload types that need no `rtpmap` (RFC 3551 tables 4 and 5), those that are used here. */
const STATIC_TYPES: Readonly<Record<number, Omit<RtpMap, "payloadType">>> = {
  0: { encoding: "PCMU", clockRateHz: 8000, channels: 1 },
  8: { encoding: "PCMA", clockRateHz: 8000, channels: 1 },
  26: { encoding: "JPEG", clockRateHz: 90_000, channels: 1 },
};

/** The payload types of a media description with their encodings; those without one are left out. */
export function rtpMaps(media: SdpMedia): RtpMap[] {
  const maps: RtpMap[] = [];
  for (const format of media.formats) {
    const payloadType = Number.parseInt(format, 10);
    const line = media.attributes.find(({ name, value }) => name === "rtpmap" && Number.parseInt(value, 10) === payloadType);
    const match = line === undefined ? null : /^\d+\s+([^/\s]+)\s*\/\s*(\d+)(?:\s*\/\s*(\d+))?/.exec(line.value);
    const [, encoding = "", rate = "", channels] = match ?? [];
    if (match !== null && Number(rate) > 0 && Number(rate) <= 10_000_000) {
      maps.push({ payloadType, encoding: encoding.toUpperCase(), clockRateHz: Number(rate), channels: Math.min(Number(channels ?? 1), 255) });
    } else if (STATIC_TYPES[payloadType] !== undefined) {
      maps.push({ payloadType, ...STATIC_TYPES[payloadType] });
    }
  }
  return maps;
}

/** `a=fmtp` of a payload type as a map; names in small letters. */
export function formatParameters(media: SdpMedia, payloadType: number): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const line = media.attributes.find(({ name, value }) => name === "fmtp" && Number.parseInt(value, 10) === payloadType);
  for (const part of (line?.value.replace(/^\d+\s*/, "") ?? "").split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0) {
      // Only the first `=` separates: base64 has some of its own.
      parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
    }
  }
  return parameters;
}
