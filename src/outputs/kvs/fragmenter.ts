import { randomBytes } from "node:crypto";
import { VedetteError } from "../../errors.ts";
import type { Logger } from "../../contracts/log.ts";
import type { Packet, VideoTrack } from "../../domain/packet.ts";
import { clusterHeader, END_OF_FRAGMENT, MAX_BLOCK_OFFSET_MS, simpleBlock, streamHeader, tagsElement } from "../../protocols/kvs/mkv.ts";
import { KVS_CODECS, mkvTrack, nalCodecOf, trimUnits } from "../../protocols/kvs/track.ts";
import { UploadTimes } from "../../protocols/kvs/upload-times.ts";
import type { NalCodec } from "../../protocols/nal/nal-codec.ts";
import { ParameterSets } from "../../protocols/nal/parameter-sets.ts";
import type { FragmentStore } from "./fragment-store.ts";
import type { StreamFormat } from "./fragment.ts";
import { ReorderWatch } from "./reorder-watch.ts";

/** Settings of a {@link Fragmenter}. */
export interface FragmenterOptions {
  /** For people. */
  readonly stream: string;
  readonly store: FragmentStore;
  readonly track: VideoTrack;
  readonly isLive: boolean;
  readonly log: Logger;
  /** Metadata of every fragment. */
  readonly tags: Readonly<Record<string, string>>;
  /** Keyframes that come sooner than this after the last fragment's beginning do not begin another one. */
  readonly minFragmentMs: number;
  /** A group of pictures that lasts longer is split into fragments that begin without a keyframe. */
  readonly maxFragmentMs: number;
}

/** The service takes 50 MB a fragment; a little room for tags. */
const MAX_FRAGMENT_BYTES = 49_000_000;
/** A stream whose parameter sets have not come by then will not bring them. */
const PARAMETER_SETS_WITHIN_US = 30_000_000;

/** Turns packets into fragments, ready for the wire: one cluster per keyframe, times strictly forward. */
export class Fragmenter {
  readonly #options: FragmenterOptions;
  readonly #times: UploadTimes;
  readonly #reorder = new ReorderWatch();
  #nal: NalCodec;
  #track: VideoTrack;
  #sets: ParameterSets;
  #format: StreamFormat | undefined;
  #clusterMs: number | undefined;
  #clusterBytes = 0;
  #lastStepMs = 0;
  #lastMs = 0;
  #firstUs: number | undefined;
  #wantsKeyframe = true;
  #hasNewSets = true;
  #hasSaidSplit = false;

  constructor(options: FragmenterOptions) {
    this.#options = options;
    this.#track = options.track;
    this.#nal = this.#codecOf(options.track);
    this.#sets = new ParameterSets(this.#nal, this.#nal.parameterSets(options.track));
    this.#times = new UploadTimes({ isLive: options.isLive, afterMs: options.store.lastMs });
  }

  /** Frames that could not be placed: before the first keyframe with parameter sets. */
  skipped = 0;
  /** Frames whose timestamp repeated and was moved forward. */
  nudged = 0;

  /** Takes a packet of the video track. Throws `E_KVS_MEDIA` for what the service cannot take. */
  push(packet: Packet): void {
    if (packet.newTrack?.kind === "video") {
      this.#change(packet.newTrack);
    }
    const units = trimUnits(this.#nal.split(packet.data, this.#track));
    if (units.length === 0) {
      return;
    }
    if (this.#reorder.seesReordering(packet.ptsUs)) {
      throw this.#refused("the stream has B-frames");
    }
    this.#hasNewSets = this.#noteSets(units) || this.#hasNewSets;
    if (packet.isKeyframe && this.#hasNewSets) {
      this.#reformat();
    }
    this.#wantsKeyframe &&= !packet.isKeyframe;
    if (this.#format === undefined || this.#wantsKeyframe) {
      this.skipped++;
      this.#complain(packet);
      return;
    }
    const { timeMs, isNudged } = this.#times.place({ mediaUs: packet.ptsUs, capturedAtMs: packet.capturedAtMs, isKeyframe: packet.isKeyframe });
    this.nudged += isNudged ? 1 : 0;
    this.#write(units, packet, timeMs, this.#format);
  }

  /** Nothing comes for a while: what was begun is ended, so that the service stores it. */
  idle(): void {
    this.#finish({ ...this.#options.tags, [END_OF_FRAGMENT]: "" });
  }

  #write(units: readonly Uint8Array[], packet: Packet, timeMs: number, format: StreamFormat): void {
    const { store, log, stream } = this.#options;
    const bytes = units.reduce((sum, unit) => sum + unit.length + 4, 0);
    this.#lastStepMs = this.#lastMs === 0 ? 0 : timeMs - this.#lastMs;
    this.#lastMs = timeMs;
    if (this.#startsFragment(packet, timeMs, bytes)) {
      this.#finish(this.#options.tags);
      store.begin(format, timeMs, packet.isKeyframe, clusterHeader(timeMs));
      this.#clusterMs = timeMs;
      this.#clusterBytes = 0;
    }
    const startMs = this.#clusterMs ?? timeMs;
    this.#clusterBytes += bytes;
    store.addFrame(simpleBlock(units, { offsetMs: timeMs - startMs, isKeyframe: packet.isKeyframe, isHidden: packet.isHidden === true }), timeMs);
    log.debug(`Sending ${packet.isKeyframe ? "key " : ""}frame of duration ${(this.#lastStepMs / 1000).toFixed(3)}s to KVS with timestamp ${(timeMs / 1000).toFixed(3)}s`, { output: stream });
  }

  #startsFragment(packet: Packet, timeMs: number, bytes: number): boolean {
    const { minFragmentMs, maxFragmentMs, log, stream } = this.#options;
    if (this.#clusterMs === undefined) {
      return true;
    }
    const offsetMs = timeMs - this.#clusterMs;
    if (packet.isKeyframe && offsetMs >= minFragmentMs) {
      return true;
    }
    const isTooLong = offsetMs + this.#lastStepMs > maxFragmentMs || offsetMs > MAX_BLOCK_OFFSET_MS;
    const isTooLarge = this.#clusterBytes + bytes > MAX_FRAGMENT_BYTES;
    if ((isTooLong || isTooLarge) && !this.#hasSaidSplit) {
      this.#hasSaidSplit = true;
      const what = isTooLong ? `more than ${maxFragmentMs / 1000} s` : "more than 50 MB";
      log.warn(`keyframes lie ${what} apart: fragments are split, and playing can begin only at every keyframe`, { output: stream });
    }
    return isTooLong || isTooLarge;
  }

  #finish(tags: Readonly<Record<string, string>>): void {
    if (this.#clusterMs !== undefined) {
      this.#options.store.finish(tagsElement(tags));
      this.#clusterMs = undefined;
    }
  }

  #noteSets(units: readonly Uint8Array[]): boolean {
    let isNew = false;
    for (const unit of units) {
      isNew = this.#sets.note(unit) || isNew;
    }
    return isNew;
  }

  /** Another codec private data: what follows needs a header of its own, and so a connection of its own. */
  #reformat(): void {
    const track = mkvTrack(this.#track.codec, this.#sets);
    if (track === undefined) {
      return;
    }
    this.#hasNewSets = false;
    const header = streamHeader(track, randomBytes(16));
    this.#finish(this.#options.tags);
    this.#format = { header };
  }

  #change(track: VideoTrack): void {
    if (track.codec !== this.#track.codec) {
      this.#nal = this.#codecOf(track);
      this.#sets = new ParameterSets(this.#nal);
      this.#format = undefined;
      this.#wantsKeyframe = true;
      this.#finish(this.#options.tags);
    }
    this.#track = track;
    this.#hasNewSets = this.#noteSets(this.#nal.parameterSets(track)) || this.#hasNewSets;
  }

  #complain(packet: Packet): void {
    this.#firstUs ??= packet.dtsUs;
    if (this.#format === undefined && packet.dtsUs - this.#firstUs > PARAMETER_SETS_WITHIN_US) {
      throw this.#refused(`no parameter sets (SPS, PPS) came within ${PARAMETER_SETS_WITHIN_US / 1e6} s`);
    }
    if (this.skipped === 1) {
      const what = this.#format === undefined ? "parameter sets (SPS, PPS)" : "keyframe";
      this.#options.log.warn(`no ${what} to begin with: frames are skipped until they come`, { output: this.#options.stream });
    }
  }

  #codecOf(track: VideoTrack): NalCodec {
    const nal = nalCodecOf(track.codec);
    if (nal === undefined) {
      throw this.#refused(`the codec is ${track.codec}, expected ${KVS_CODECS.join(" or ")}`);
    }
    return nal;
  }

  #refused(reason: string): VedetteError {
    return new VedetteError("E_KVS_MEDIA", { stream: this.#options.stream, reason });
  }
}
