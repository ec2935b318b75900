import { AV_PKT_DATA_NEW_EXTRADATA, AVMEDIA_TYPE_VIDEO } from "node-av/constants";
import { BitStreamFilter, BitStreamFilterContext, Packet as NativePacket } from "node-av/lib";
import type { Packet, VideoTrack } from "../domain/packet.ts";
import { codecId } from "./codec-names.ts";

/** Codecs whose parameter sets stand in the packets when the track has none. */
const IN_BAND: ReadonlySet<string> = new Set(["h264", "hevc"]);

/** Whether a container must wait for a keyframe before it knows what the track needs. */
export function lacksParameterSets(track: VideoTrack): boolean {
  return track.codecPrivate === undefined && IN_BAND.has(track.codec);
}

/** The parameter sets at the start of a keyframe (Annex B); undefined when it holds none. */
export function extractParameterSets(track: VideoTrack, packet: Packet): Uint8Array | undefined {
  const filter = BitStreamFilter.getByName("extract_extradata");
  const id = codecId(track.codec);
  if (filter === null || id === undefined) {
    return undefined;
  }
  using context = new BitStreamFilterContext();
  using native = new NativePacket();
  native.alloc();
  context.alloc(filter);
  const parameters = context.inputCodecParameters;
  if (parameters === null) {
    return undefined;
  }
  parameters.codecType = AVMEDIA_TYPE_VIDEO;
  parameters.codecId = id;
  native.data = Buffer.from(packet.data);
  if (context.init() < 0 || context.sendPacketSync(native) < 0 || context.receivePacketSync(native) < 0) {
    return undefined;
  }
  const found = native.getSideData(AV_PKT_DATA_NEW_EXTRADATA);
  return found === null ? undefined : new Uint8Array(found);
}

/**
 * A keyframe with the parameter sets of its track inside: how a recording goes on when the resolution changes, since a
 * container's header holds those of the beginning. Length-prefixed NAL units stay so, start codes too.
 */
export function withParameterSets(track: VideoTrack, packet: Packet): Packet {
  const sets = track.codecPrivate;
  if (sets === undefined || !IN_BAND.has(track.codec)) {
    return packet;
  }
  const isRecord = sets[0] === 1;
  const prefix = isRecord ? (track.codec === "h264" ? unitsOfAvcc(sets) : unitsOfHvcc(sets)) : [sets];
  return { ...packet, data: Buffer.concat([...prefix, packet.data]) };
}

/** SPS and PPS of an avcC record (ISO/IEC 14496-15 §5.3.3.1), each behind its length; what is cut off is left out. */
function unitsOfAvcc(record: Uint8Array): Uint8Array[] {
  const lengthSize = ((record[4] ?? 3) & 3) + 1;
  const units: Uint8Array[] = [];
  let at = 5;
  for (const mask of [0x1f, 0xff]) {
    const count = (record[at] ?? 0) & mask;
    at += 1;
    at = takeUnits(record, at, count, lengthSize, units);
  }
  return units;
}

/** Parameter sets of an hvcC record (ISO/IEC 14496-15 §8.3.3.1). */
function unitsOfHvcc(record: Uint8Array): Uint8Array[] {
  const lengthSize = ((record[21] ?? 3) & 3) + 1;
  const units: Uint8Array[] = [];
  let at = 23;
  for (let array = 0; array < (record[22] ?? 0) && at + 3 <= record.length; array += 1) {
    const count = ((record[at + 1] ?? 0) << 8) | (record[at + 2] ?? 0);
    at = takeUnits(record, at + 3, count, lengthSize, units);
  }
  return units;
}

function takeUnits(record: Uint8Array, start: number, count: number, lengthSize: number, units: Uint8Array[]): number {
  let at = start;
  for (let unit = 0; unit < count; unit += 1) {
    const length = ((record[at] ?? 0) << 8) | (record[at + 1] ?? 0);
    at += 2;
    if (at + length > record.length) {
      return record.length;
    }
    const prefixed = new Uint8Array(lengthSize + length);
    for (let index = 0; index < lengthSize; index += 1) {
      prefixed[lengthSize - 1 - index] = (length >>> (8 * index)) & 0xff;
    }
    prefixed.set(record.subarray(at, at + length), lengthSize);
    units.push(prefixed);
    at += length;
  }
  return at;
}
