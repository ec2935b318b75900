import type { Packet, VideoTrack } from "../../domain/packet.ts";
import { parseAvcRecord, writeAvcRecord } from "../h264/avc-record.ts";
import { H264, h264UnitType } from "../h264/h264.ts";
import { initSegment, mediaFragment } from "./fragments.ts";

/** A segment to hand to a player. `init` comes first, and again when the stream changes. */
export type Segment =
  | { readonly kind: "init"; readonly data: Uint8Array; readonly codec: string; readonly width: number; readonly height: number; readonly offsetUs: number }
  | { readonly kind: "media"; readonly data: Uint8Array; readonly isKeyframe: boolean };

const SPS = 7;
const PPS = 8;
const DELIMITER = 9;
/**
 * How long every picture claims to be shown. Nobody knows yet when the next one comes, and players refuse one that comes
 * later than twice this after the last (Media Source Extensions §3.5.8, step 1.6); one that comes earlier just follows.
 */
export const CLAIMED_DURATION_US = 1_000_000;

/**
 * Packets of one H.264 track as segments of a fragmented MP4 whose time begins near zero: a packet's media time plus the
 * init segment's `offsetUs` is its time in the player. Sans I/O.
 */
export class AvcSegmenter {
  #track: VideoTrack;
  #record: Uint8Array | undefined;
  #offsetUs: number | undefined;
  #sequence = 0;

  constructor(track: VideoTrack) {
    this.#track = track;
  }

  /** Packets in order, beginning with a keyframe; what comes before one gives nothing. */
  push(packet: Packet): Segment[] {
    if (packet.newTrack?.kind === "video") {
      this.#track = packet.newTrack;
    }
    const units = H264.split(packet.data, this.#track);
    const segments: Segment[] = packet.isKeyframe ? this.#initFor(packet, units) : [];
    if (this.#record === undefined || this.#offsetUs === undefined) {
      return [];
    }
    this.#sequence += 1;
    const data = withLengths(units.filter((unit) => ![SPS, PPS, DELIMITER].includes(h264UnitType(unit))));
    const times = { dtsUs: packet.dtsUs + this.#offsetUs, ptsUs: packet.ptsUs + this.#offsetUs, durationUs: CLAIMED_DURATION_US };
    segments.push({ kind: "media", isKeyframe: packet.isKeyframe, data: mediaFragment({ sequence: this.#sequence, ...times, isKeyframe: packet.isKeyframe, data }) });
    return segments;
  }

  #initFor(packet: Packet, units: readonly Uint8Array[]): Segment[] {
    const own = [...H264.parameterSets(this.#track), ...units];
    const newest = (type: number): Uint8Array[] => {
      const inBand = units.filter((unit) => h264UnitType(unit) === type);
      return inBand.length > 0 ? inBand : own.filter((unit) => h264UnitType(unit) === type);
    };
    const record = writeAvcRecord(newest(SPS), newest(PPS));
    const sps = newest(SPS)[0];
    if (record === undefined || sps === undefined || (this.#record !== undefined && Buffer.compare(record, this.#record) === 0)) {
      return [];
    }
    this.#record = record;
    this.#offsetUs ??= 0 - packet.dtsUs;
    const size = H264.parseSps(sps);
    const { width = this.#track.width, height = this.#track.height } = size ?? {};
    const codec = `avc1.${Buffer.from(sps.subarray(1, 4)).toString("hex")}`;
    return [{ kind: "init", data: initSegment({ width, height, avcRecord: record }), codec, width, height, offsetUs: this.#offsetUs }];
  }
}

function withLengths(units: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    units.flatMap((unit) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(unit.length);
      return [length, unit];
    }),
  );
}

/** Whether a track can be segmented here. */
export function isSegmentable(track: VideoTrack): boolean {
  return track.codec === "h264" && (track.codecPrivate === undefined || parseAvcRecord(track.codecPrivate) !== undefined || H264.parameterSets(track).length > 0);
}
