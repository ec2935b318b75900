import { randomInt } from "node:crypto";
import type { Packet, Track } from "../../domain/packet.ts";
import type { Result } from "../../domain/result.ts";
import { ONVIF_METADATA_RTPMAP, payloadOnvifMetadata, writeOnvifMetadata } from "../../protocols/onvif-metadata/metadata-stream.ts";
import { sendingOf } from "../../protocols/rtp-formats/formats.ts";
import type { RtpSending } from "../../protocols/rtp-formats/rtp-format.ts";
import { RtpSender } from "../../protocols/rtp/rtp-sender.ts";
import type { SdpMedia } from "../../protocols/sdp/sdp.ts";

/** Fits an Ethernet frame with IPv6, UDP and RTP headers, and a tunnel around them. */
const MAX_PAYLOAD_BYTES = 1360;

/** Payloads of packets that several viewers are sent: cut once. */
const payloadsOf = new WeakMap<Packet, { readonly sending: RtpSending; readonly payloads: readonly Uint8Array[] }>();

/** One track on its way to one receiver. */
export class TrackSender {
  /** Index of the feed's track; undefined for the metadata. */
  readonly trackIndex: number | undefined;
  readonly rtp: RtpSender;
  /** True once the common beginning of all tracks is known. */
  hasBegun = false;
  /** True once a sender report was sent. */
  hasReported = false;
  readonly #payloadType: number;
  #sending: RtpSending;
  #track: Track | undefined;

  private constructor(trackIndex: number | undefined, track: Track | undefined, sending: RtpSending, payloadType: number) {
    this.trackIndex = trackIndex;
    this.#track = track;
    this.#sending = sending;
    this.#payloadType = payloadType;
    const { clockRateHz } = sending;
    this.rtp = new RtpSender({ payloadType, clockRateHz, ssrc: randomInt(2 ** 32), sequence: randomInt(2 ** 15), timestamp: randomInt(2 ** 31) });
  }

  /** Senders for what RTP can carry of these tracks, in their order, and the metadata last. */
  static forTracks(tracks: readonly Track[], hasMetadata: boolean): TrackSender[] {
    const senders: TrackSender[] = [];
    for (const [index, track] of tracks.entries()) {
      const sending = sendingOf(track);
      if (sending !== undefined) {
        senders.push(new TrackSender(index, track, sending, sending.staticPayloadType ?? 96 + senders.length));
      }
    }
    if (hasMetadata) {
      senders.push(new TrackSender(undefined, undefined, METADATA, 107));
    }
    return senders;
  }

  get isVideo(): boolean {
    return this.#track?.kind === "video";
  }

  /** Its part of the session description. */
  describe(control: string): SdpMedia {
    const { rtpmap, fmtp } = this.#sending;
    const type = String(this.#payloadType);
    return {
      type: this.#track?.kind ?? "application",
      port: 0,
      protocol: "RTP/AVP",
      formats: [type],
      attributes: [
        { name: "rtpmap", value: `${type} ${rtpmap}` },
        ...(fmtp === undefined ? [] : [{ name: "fmtp", value: `${type} ${fmtp}` }]),
        ...(this.#track?.kind === "video" && this.#track.frameRate > 0 ? [{ name: "framerate", value: String(this.#track.frameRate) }] : []),
        { name: "control", value: control },
        { name: "recvonly", value: "" },
      ],
    };
  }

  /** Takes a change of resolution over; false when the codec changed, which a running session cannot follow. */
  change(track: Track): boolean {
    const sending = track.codec === this.#track?.codec ? sendingOf(track) : undefined;
    if (sending === undefined) {
      return false;
    }
    this.#track = track;
    this.#sending = sending;
    return true;
  }

  /** RTP packets of an access unit. */
  packets(packet: Packet, nowMs: number, headroom: number): Buffer[] {
    const cached = payloadsOf.get(packet);
    const isFresh = cached !== undefined && cached.sending.fmtp === this.#sending.fmtp;
    const payloads = isFresh ? cached.payloads : this.#sending.payload(packet.data, packet.isKeyframe, MAX_PAYLOAD_BYTES);
    if (!isFresh) {
      payloadsOf.set(packet, { sending: this.#sending, payloads });
    }
    return this.rtp.write(payloads, { ptsUs: packet.ptsUs, capturedAtMs: packet.capturedAtMs, nowMs }, headroom);
  }

  /** RTP packets of a result, for the metadata track. */
  metadata(result: Result, nowMs: number, headroom: number): Buffer[] {
    const payloads = payloadOnvifMetadata(writeOnvifMetadata(result), MAX_PAYLOAD_BYTES);
    return this.rtp.write(payloads, { ptsUs: result.ptsUs, capturedAtMs: result.capturedAtMs, nowMs }, headroom);
  }
}

const METADATA: RtpSending = { rtpmap: ONVIF_METADATA_RTPMAP, clockRateHz: 90_000, payload: () => [] };
