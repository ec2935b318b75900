import type { Track } from "../../domain/packet.ts";
import type { Depayloader, Payloader } from "../rtp/depayloader.ts";

/** How a codec travels in RTP, both ways. Everything that depends on the codec stands in one entry of `RTP_FORMATS`. */
export interface RtpFormat {
  /** Encoding name of `a=rtpmap`, in capitals. */
  readonly encoding: string;
  readonly kind: Track["kind"];
  /** Codec names that it carries, as FFmpeg names them. */
  readonly codecs: readonly string[];
  /** What a description says about it, for a receiver. */
  receive(clockRateHz: number, channels: number, parameters: ReadonlyMap<string, string>): { readonly track: Track; readonly depayloader: Depayloader };
  /** For a sender: the lines of the description and the cutter. Undefined when this track cannot be carried. */
  send(track: Track): RtpSending | undefined;
}

/** How a track is sent. */
export interface RtpSending {
  /** The number that RFC 3551 gives it, where it does. */
  readonly staticPayloadType?: number;
  /** `H264/90000`. */
  readonly rtpmap: string;
  readonly clockRateHz: number;
  /** `packetization-mode=1;…` */
  readonly fmtp?: string;
  /** `isKeyframe` lets parameter sets be put before pictures to start at. */
  payload(data: Uint8Array, isKeyframe: boolean, maxBytes: number): ReturnType<Payloader>;
}
