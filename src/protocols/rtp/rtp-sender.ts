import { wallTimeMs } from "../../domain/time.ts";
import type { WallTimeMs } from "../../domain/time.ts";
import { writeRtp } from "./rtp-packet.ts";
import { writeRtcp } from "./rtcp.ts";

/** One RTP stream to send. Start values should be random (RFC 3550 §5.1). */
export interface RtpSenderOptions {
  readonly payloadType: number;
  readonly clockRateHz: number;
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

/** Numbers packets, counts them, and reports about them. Sans I/O. */
export class RtpSender {
  readonly #options: RtpSenderOptions;
  #sequence: number;
  #timestamp: number;
  /** Media time that {@link #timestamp} stands for. */
  #originUs: number | undefined;
  #packets = 0;
  #octets = 0;
  #last: { readonly ticks: number; readonly capturedAtMs: number; readonly sentAtMs: number } | undefined;

  constructor(options: RtpSenderOptions) {
    this.#options = options;
    this.#sequence = options.sequence & 0xffff;
    this.#timestamp = options.timestamp >>> 0;
  }

  /** Sequence number and timestamp of the next packet, for RTP-Info; the timestamp holds before {@link begin}. */
  get next(): { readonly sequence: number; readonly timestamp: number } {
    return { sequence: this.#sequence, timestamp: this.#timestamp };
  }

  get ssrc(): number {
    return this.#options.ssrc;
  }

  /** From here on `ptsUs` has the timestamp of {@link next}. All tracks of a session begin with the same one. */
  begin(ptsUs: number): void {
    this.#originUs = ptsUs;
  }

  /** After a pause: the timestamp moves on by the time that passed, and a new beginning is awaited. */
  pause(nowMs: number): void {
    if (this.#last !== undefined) {
      this.#timestamp = (this.#last.ticks + Math.round(((nowMs - this.#last.sentAtMs) / 1000) * this.#options.clockRateHz)) >>> 0;
    }
    this.#originUs = undefined;
  }

  /** Packets of one access unit, the marker on the last. `headroom` bytes are left free before each. */
  write(payloads: readonly Uint8Array[], at: { readonly ptsUs: number; readonly capturedAtMs: WallTimeMs; readonly nowMs: number }, headroom: number): Buffer[] {
    const { payloadType, ssrc, clockRateHz } = this.#options;
    this.#originUs ??= at.ptsUs;
    const timestamp = (this.#timestamp + Math.round(((at.ptsUs - this.#originUs) * clockRateHz) / 1e6)) >>> 0;
    const packets = payloads.map((payload, index) => {
      const sequence = this.#sequence;
      this.#sequence = (sequence + 1) & 0xffff;
      this.#octets += payload.length;
      return writeRtp({ payloadType, marker: index === payloads.length - 1, sequence, timestamp, ssrc, payload }, headroom);
    });
    this.#packets += packets.length;
    this.#last = { ticks: timestamp, capturedAtMs: at.capturedAtMs, sentAtMs: at.nowMs };
    return packets;
  }

  /** A compound packet that ties the timestamps to the time of capture; undefined before the first packet. */
  report(nowMs: number): Buffer | undefined {
    const { ssrc, clockRateHz } = this.#options;
    if (this.#last === undefined) {
      return undefined;
    }
    const passedMs = nowMs - this.#last.sentAtMs;
    return Buffer.concat([
      writeRtcp({
        kind: "sender-report",
        ssrc,
        wallTimeMs: wallTimeMs(this.#last.capturedAtMs + passedMs),
        ntpMiddle: 0,
        rtpTimestamp: (this.#last.ticks + Math.round((passedMs / 1000) * clockRateHz)) >>> 0,
        packets: this.#packets,
        octets: this.#octets,
        reports: [],
      }),
      writeRtcp({ kind: "source-name", ssrc, cname: "vedette" }),
    ]);
  }

  /** Says that nothing more comes. */
  bye(nowMs: number): Buffer {
    const { ssrc } = this.#options;
    const first = this.report(nowMs) ?? writeRtcp({ kind: "receiver-report", ssrc, reports: [] });
    return Buffer.concat([first, writeRtcp({ kind: "bye", ssrcs: [ssrc] })]);
  }
}
