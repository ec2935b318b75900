import { at, childrenOf, descendants, parseXml, textAt, XmlError } from "../xml/xml.ts";
import type { XmlElement } from "../xml/xml.ts";

/** How recorders name their streams; the position is the index Crystal wants. */
export const NUUO_PROFILES = ["Original", "Low", "Minimum"] as const;

/** One stream of a camera. */
export interface NuuoProfile {
  readonly name: string;
  /** As FFmpeg names them: h264, mjpeg. Empty when the recorder does not say: H.264 then. */
  readonly codecs: readonly string[];
  /** Frames per second: the highest it is said to give; 0 when not known. */
  readonly frameRate: number;
}

/** One camera of a recorder. */
export interface NuuoChannel {
  /** What users call it. */
  readonly area: string;
  /** Empty on Titan. */
  readonly serverId: string;
  readonly cameraId: string;
  readonly profiles: readonly NuuoProfile[];
}

/** Whether an answer to `syncOemString` is Crystal's. */
export function isCrystal(answer: string): boolean {
  try {
    return descendants(parseXml(answer), "syncOEMString").some(({ text }) => text !== "");
  } catch (error) {
    if (error instanceof XmlError) {
      return false;
    }
    throw error;
  }
}

/** Titan's cameras. Throws `XmlError`. */
export function parseTitanTree(answer: string): NuuoChannel[] {
  const list = descendants(parseXml(answer), "deviceTreeList")[0];
  if (list === undefined) {
    throw new XmlError("no deviceTreeList");
  }
  const titan = childrenOf(list, "item").find((item) => textAt(item, "name") === "titan_8040R");
  return childrenOf(at(titan, "childEntityList"), "item").flatMap((device) => {
    const area = textAt(device, "name");
    const sensor = childrenOf(at(device, "childEntityList"), "item").find((entity) => textAt(entity, "name") === "sensor");
    const cameraId = textAt(sensor, "id", "localId");
    return area === undefined || cameraId === undefined ? [] : [{ area, serverId: "", cameraId, profiles: profilesOf(sensor) }];
  });
}

/** Crystal's answer to a login; undefined when it refuses. Throws `XmlError`. */
export function parseLogin(answer: string): { readonly sessionId: string } | undefined {
  const root = parseXml(answer);
  const response = root.name === "loginResponse" ? root : descendants(root, "loginResponse")[0];
  if (response === undefined) {
    throw new XmlError("no loginResponse");
  }
  const sessionId = textAt(response, "sessionId");
  return textAt(response, "result")?.toLowerCase() === "true" && sessionId !== undefined ? { sessionId } : undefined;
}

/** Identifiers of Crystal's recording servers that are switched on. Throws `XmlError`. */
export function parseServers(answer: string): string[] {
  const list = descendants(parseXml(answer), "serverList")[0];
  if (list === undefined) {
    throw new XmlError("no serverList");
  }
  return childrenOf(list, "item")
    .filter((item) => isOfType(item, "RecordingServer") && isEnabled(item))
    .flatMap((item) => textAt(item, "id") ?? []);
}

/** The cameras of one of Crystal's recording servers that are switched on. Throws `XmlError`. */
export function parseDevices(answer: string, serverId: string): NuuoChannel[] {
  const list = descendants(parseXml(answer), "deviceList")[0];
  if (list === undefined) {
    throw new XmlError("no deviceList");
  }
  return childrenOf(list, "item").flatMap((device) => {
    const area = textAt(device, "name");
    const camera = childrenOf(at(device, "childList"), "item").find((item) => isOfType(item, "Camera"));
    const cameraId = textAt(camera, "id");
    return !isOfType(device, "VideoDevice") || !isEnabled(device) || area === undefined || cameraId === undefined ? [] : [{ area, serverId, cameraId, profiles: profilesOf(camera) }];
  });
}

/** `xsi:type`, with or without a prefix. */
function isOfType(item: XmlElement, type: string): boolean {
  return item.attributes.get("type")?.replace(/^.*:/, "") === type;
}

/** What is not said to be off is on. */
function isEnabled(item: XmlElement): boolean {
  return !/^(?:false|0)$/i.test(textAt(item, "enable") ?? "");
}

const CODECS: Readonly<Record<string, string>> = { h264: "h264", avc: "h264", h265: "hevc", hevc: "hevc", mjpeg: "mjpeg", mjpg: "mjpeg", jpeg: "mjpeg", mpeg4: "mpeg4" };

/** A codec as FFmpeg names it; as it was written when it is none we know. */
export function codecName(text: string): string {
  const plain = text.trim().replace(/[.\s-]/g, "").toLowerCase();
  return CODECS[plain] ?? plain;
}

function profilesOf(camera: XmlElement | undefined): NuuoProfile[] {
  return childrenOf(at(camera, "outputProfileList"), "item").flatMap((item) => {
    const name = textAt(item, "profileName");
    const codecs = (textAt(item, "codec") ?? "").split("/").filter((codec) => codec.trim() !== "").map(codecName);
    const rates = (textAt(item, "frameRate") ?? "").split("~").map(Number).filter((rate) => Number.isFinite(rate) && rate > 0);
    return name === undefined ? [] : [{ name, codecs, frameRate: Math.max(0, ...rates) }];
  });
}

/** Which cameras are meant. */
export interface NuuoQuery {
  /** Regular expression, without regard to case. */
  readonly area: string;
  readonly profile: string;
  /** The profile's first when left out. */
  readonly codec?: string | undefined;
  /** The whole name has to match, not just a part. */
  readonly exact: boolean;
}

/** A camera that a query found. */
export interface NuuoMatch {
  readonly channel: NuuoChannel;
  readonly profile: NuuoProfile;
  readonly codec: string;
}

/** Cameras whose name matches and that have the profile with the codec, in the recorder's order. */
export function query(channels: readonly NuuoChannel[], { area, profile, codec, exact }: NuuoQuery): NuuoMatch[] {
  const pattern = new RegExp(exact ? `^(?:${area})$` : area, "iu");
  return channels.flatMap((channel) => {
    const found = pattern.test(channel.area) ? channel.profiles.find(({ name }) => name.toLowerCase() === profile.toLowerCase()) : undefined;
    if (found === undefined) {
      return [];
    }
    const codecs = found.codecs.length === 0 ? ["h264"] : found.codecs;
    const wanted = codec === undefined ? codecs[0] : codecs.find((candidate) => candidate === codecName(codec));
    return wanted === undefined ? [] : [{ channel, profile: found, codec: wanted }];
  });
}
