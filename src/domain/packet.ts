import type { MediaTimeUs, WallTimeMs } from "./time.ts";

/** A codec, named as FFmpeg names it. */
export type VideoCodec = "h264" | "hevc" | "mjpeg" | "vp8" | "vp9" | "av1" | (string & {});

/** What a decoder, muxer or payloader must know of a video track before its first packet. */
export interface VideoTrack {
  readonly kind: "video";
  readonly codec: VideoCodec;
  /** Coded size in pixels, before {@link rotation}; 0 when not known before the first picture. */
  readonly width: number;
  readonly height: number;
  /** Clockwise rotation in degrees that a player applies: 0, 90, 180 or 270. */
  readonly rotation: number;
  /** Nominal frames per second; 0 when not known or not constant. */
  readonly frameRate: number;
  /**
   * Codec private data: an avcC (ISO/IEC 14496-15 §5.3.3) or hvcC record when packets hold length-prefixed NAL units,
   * parameter sets in Annex B form (or nothing) when they hold start codes.
   */
  readonly codecPrivate: Uint8Array | undefined;
}

/** An audio track. It is carried, never decoded. */
export interface AudioTrack {
  readonly kind: "audio";
  readonly codec: string;
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly codecPrivate: Uint8Array | undefined;
  /** Samples at the start that decoding makes and nobody should hear: they lie before the track's time zero. */
  readonly initialPaddingSamples?: number;
}

/** A track of a source: one video track is analysed; audio is carried along. */
export type Track = VideoTrack | AudioTrack;

/**
 * Encoded media as it came: one access unit (video) or one audio frame. Plain data: it crosses threads and processes,
 * is shared by every reader, and must not be modified.
 */
export interface Packet {
  /** Which of the session's tracks it belongs to: an index into `tracks`. */
  readonly track: number;
  readonly data: Uint8Array;
  /** Presentation time. Never goes backwards across a reconnect, except for B-frames. */
  readonly ptsUs: MediaTimeUs;
  /** Decoding time: strictly rising within a track. */
  readonly dtsUs: MediaTimeUs;
  /** 0 when not known. */
  readonly durationUs: number;
  /** True when decoding can start here. */
  readonly isKeyframe: boolean;
  /** When the camera captured it, as far as is known; else when it arrived. */
  readonly capturedAtMs: WallTimeMs;
  /** True when its picture is only needed to decode others and must not be shown: an edit list cut it away. */
  readonly isHidden?: boolean;
  /** Set on the first packet after a change of resolution or codec: the track as it is from here on. */
  readonly newTrack?: Track;
}
