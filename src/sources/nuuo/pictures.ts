import type { VideoTrack } from "../../domain/packet.ts";
import { H264 } from "../../protocols/h264/h264.ts";
import { H265 } from "../../protocols/h265/h265.ts";
import { jpegSize } from "../../protocols/jpeg/size.ts";
import { joinAnnexB, splitAnnexB } from "../../protocols/nal/annex-b.ts";
import type { NalCodec } from "../../protocols/nal/nal-codec.ts";
import { ParameterSets } from "../../protocols/nal/parameter-sets.ts";
import type { LivePart } from "../../protocols/nuuo/live.ts";

/** One picture, ready to be a packet. */
export interface Picture {
  readonly data: Uint8Array;
  readonly isKeyframe: boolean;
  readonly timeMs: number | undefined;
  /** Set when the track is another one than before. */
  readonly newTrack: VideoTrack | undefined;
}

/** Parameter sets and messages without a picture after them are not collected without end. */
const MAX_WAITING_UNITS = 64;

/**
 * Puts pictures together: recorders send parameter sets, messages and the keyframe itself as parts of their own, some
 * with zero bytes behind NAL units. A picture is given as soon as its slices are there. Begins with a keyframe.
 */
export class PictureJoiner {
  readonly #codec: NalCodec | undefined;
  readonly #sets: ParameterSets | undefined;
  #waiting: Uint8Array[] = [];
  #hasStarted = false;
  #track: VideoTrack | undefined;

  /** `codec` as FFmpeg names it. */
  constructor(codec: string) {
    this.#codec = codec === "h264" ? H264 : codec === "hevc" ? H265 : undefined;
    this.#sets = this.#codec === undefined ? undefined : new ParameterSets(this.#codec);
  }

  /** The next pictures begin anew, at a keyframe: the connection is another one. */
  restart(): void {
    this.#waiting = [];
    this.#hasStarted = false;
  }

  /** Takes a part; gives a picture when one is complete. */
  push(part: LivePart): Picture | undefined {
    return this.#codec === undefined || this.#sets === undefined ? this.#jpeg(part) : this.#nal(part, this.#codec, this.#sets);
  }

  #nal(part: LivePart, codec: NalCodec, sets: ParameterSets): Picture | undefined {
    let isNew = false;
    for (const unit of splitAnnexB(part.data)) {
      isNew = sets.note(unit) || isNew;
      this.#waiting.push(unit);
    }
    if (!this.#waiting.some((unit) => codec.isSlice(unit))) {
      this.#waiting = this.#waiting.slice(-MAX_WAITING_UNITS);
      return undefined;
    }
    const units = this.#waiting;
    this.#waiting = [];
    const isKeyframe = units.some((unit) => codec.isRandomAccess(unit));
    if (!this.#hasStarted && (!isKeyframe || sets.info === undefined)) {
      return undefined;
    }
    this.#hasStarted = true;
    const track = this.#track === undefined || units.some((unit) => codec.parameterSetKey(unit) !== undefined) ? sets.toTrack() : this.#track;
    return { data: joinAnnexB(units), isKeyframe, timeMs: part.timeMs, newTrack: this.#changed(track) };
  }

  #jpeg(part: LivePart): Picture | undefined {
    const size = jpegSize(part.data);
    if (size === undefined || size.width === 0 || size.height === 0) {
      return undefined;
    }
    const track: VideoTrack = { kind: "video", codec: "mjpeg", ...size, rotation: 0, frameRate: 0, codecPrivate: undefined };
    return { data: part.data, isKeyframe: true, timeMs: part.timeMs, newTrack: this.#changed(track) };
  }

  #changed(track: VideoTrack): VideoTrack | undefined {
    const before = this.#track;
    this.#track = track;
    const isSame =
      before?.width === track.width && before.height === track.height && Buffer.compare(before.codecPrivate ?? new Uint8Array(), track.codecPrivate ?? new Uint8Array()) === 0;
    return isSame ? undefined : track;
  }
}
