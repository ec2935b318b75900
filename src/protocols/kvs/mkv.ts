import { ID, element, encodeId, encodeSize, textElement, uintElement } from "../matroska/ebml.ts";

/**
 * The Matroska stream that PutMedia takes: the layout of the service's own producer, element for element, so that nothing
 * depends on how liberal a receiver is. One cluster is one fragment.
 * https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_dataplane_PutMedia.html and ".../how-data.html"
 */

/** The one track of a stream. */
export interface MkvTrack {
  /** `V_MPEG4/ISO/AVC` or `V_MPEGH/ISO/HEVC`. */
  readonly codecId: string;
  /** avcC or hvcC. */
  readonly codecPrivate: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly name: string;
}

/** The number of the only track. */
export const TRACK_NUMBER = 1;
/** Bytes that a cluster's beginning takes, and a block's. */
export const CLUSTER_HEADER_BYTES = 18;
/** As {@link CLUSTER_HEADER_BYTES}. */
export const BLOCK_HEADER_BYTES = 13;
/** A block's time is a signed 16-bit number of milliseconds after its cluster's. */
export const MAX_BLOCK_OFFSET_MS = 32_767;
/** Nanoseconds per unit of time: milliseconds, as acknowledgements count. */
const TIMECODE_SCALE_NS = 1_000_000;
const APP = "Vedette";

/** EBML header, segment header, info and tracks: what every connection begins with. `segmentUid`: 16 bytes. */
export function streamHeader(track: MkvTrack, segmentUid: Uint8Array): Buffer {
  return Buffer.concat([ebmlHeader(), encodeId(ID.segment), Uint8Array.of(0xff), info(segmentUid), tracks(track)]);
}

/** 40 bytes, of which 35 are content. */
function ebmlHeader(): Buffer {
  return element(ID.ebml, [
    uintElement(ID.ebmlVersion, 1),
    uintElement(ID.ebmlReadVersion, 1),
    uintElement(ID.ebmlMaxIdLength, 4),
    uintElement(ID.ebmlMaxSizeLength, 8),
    textElement(ID.docType, "matroska"),
    uintElement(ID.docTypeVersion, 2),
    uintElement(ID.docTypeReadVersion, 2),
  ]);
}

function info(segmentUid: Uint8Array): Buffer {
  return element(
    ID.info,
    [
      element(ID.segmentUid, segmentUid),
      uintElement(ID.timecodeScale, TIMECODE_SCALE_NS, 8),
      textElement(ID.title, APP),
      textElement(ID.muxingApp, APP),
      textElement(ID.writingApp, APP),
    ],
    2,
  );
}

function tracks(track: MkvTrack): Buffer {
  const video = element(ID.video, [uintElement(ID.pixelWidth, track.width, 2), uintElement(ID.pixelHeight, track.height, 2)]);
  const entry = element(
    ID.trackEntry,
    [
      uintElement(ID.trackNumber, TRACK_NUMBER),
      uintElement(ID.trackUid, TRACK_NUMBER, 8),
      uintElement(ID.trackType, 1),
      textElement(ID.codecId, track.codecId),
      textElement(ID.trackName, track.name),
      element(ID.codecPrivate, track.codecPrivate),
      video,
    ],
    4,
  );
  return element(ID.tracks, entry, 4);
}

/** A cluster of unknown size: its beginning. `timecodeMs` counts from 1970. */
export function clusterHeader(timecodeMs: number): Buffer {
  return Buffer.concat([encodeId(ID.cluster), Uint8Array.of(0xff), uintElement(ID.timecode, timecodeMs, 8), uintElement(ID.position, 0)]);
}

/** What stands before a frame's bytes. */
export interface BlockTiming {
  /** After the cluster's timecode, 0…{@link MAX_BLOCK_OFFSET_MS}. */
  readonly offsetMs: number;
  readonly isKeyframe: boolean;
  /** Only needed to decode others: players do not show it. */
  readonly isHidden?: boolean;
}

/**
 * A block of one frame: its NAL units with 4-byte lengths before them. Copies the units once, into the bytes that are
 * sent and kept.
 */
export function simpleBlock(units: readonly Uint8Array[], timing: BlockTiming): Buffer {
  const dataBytes = units.reduce((sum, unit) => sum + 4 + unit.length, 0);
  const block = Buffer.allocUnsafe(BLOCK_HEADER_BYTES + dataBytes);
  block[0] = ID.simpleBlock;
  block.set(encodeSize(dataBytes + 4, 8), 1);
  block[9] = 0x80 | TRACK_NUMBER;
  block.writeInt16BE(timing.offsetMs, 10);
  block[12] = (timing.isKeyframe ? 0x80 : 0) | (timing.isHidden === true ? 0x08 : 0);
  let offset = BLOCK_HEADER_BYTES;
  for (const unit of units) {
    offset = block.writeUInt32BE(unit.length, offset);
    block.set(unit, offset);
    offset += unit.length;
  }
  return block;
}

/** Ends the fragment before it without another one following: when the source idles, and at the end. */
export const END_OF_FRAGMENT = "AWS_KINESISVIDEO_END_OF_FRAGMENT";

/** Metadata of the fragment before it: one Tags element per name. Empty for no tags. */
export function tagsElement(tags: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(tags).map(([name, value]) =>
      element(
        ID.tags,
        element(ID.tag, element(ID.simpleTag, [textElement(ID.tagName, name, 8), textElement(ID.tagString, value, 8)], 8), 8),
        8,
      ),
    ),
  );
}

/** Limits of fragment metadata: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/how-meta.html */
export const TAG_LIMITS = { perFragment: 10, nameBytes: 128, valueBytes: 256, reservedPrefix: "AWS" } as const;
