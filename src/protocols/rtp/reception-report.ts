import type { RtpPacket } from "./rtp-packet.ts";
import type { ReportBlock } from "./rtcp.ts";
import { sequenceDistance, timestampDistance } from "./serial.ts";

/** Keeps the numbers of a receiver report for one sender (RFC 3550 A.3 and A.8). Sans I/O. */
export class ReceptionReport {
  readonly #clockRateHz: number;
  #ssrc = 0;
  #first: number | undefined;
  #highest = 0;
  #cycles = 0;
  #received = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  #jitter = 0;
  #lastTransit: number | undefined;
  #senderReport: { readonly ntpMiddle: number; readonly atMs: number } | undefined;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
  }

  /** Notes a packet as it arrived, before any reordering. */
  received(packet: RtpPacket, nowMs: number): void {
    if (this.#first === undefined || packet.ssrc !== this.#ssrc) {
      this.#restart(packet);
    }
    this.#received++;
    const ahead = sequenceDistance(this.#highest, packet.sequence);
    if (ahead > 0) {
      if (packet.sequence < this.#highest) {
        this.#cycles += 65536;
      }
      this.#highest = packet.sequence;
    }
    const transit = (Math.round((nowMs / 1000) * this.#clockRateHz) - packet.timestamp) | 0;
    if (this.#lastTransit !== undefined) {
      const change = Math.abs(timestampDistance(this.#lastTransit, transit));
      this.#jitter += (change - this.#jitter) / 16;
    }
    this.#lastTransit = transit;
  }

  /** Notes a sender report, whose time the next block echoes. */
  senderReport(ntpMiddle: number, nowMs: number): void {
    this.#senderReport = { ntpMiddle, atMs: nowMs };
  }

  /** The block to send; undefined before the first packet. Starts a new interval for the share of lost packets. */
  block(nowMs: number): ReportBlock | undefined {
    if (this.#first === undefined) {
      return undefined;
    }
    const extended = this.#cycles + this.#highest;
    const expected = extended - this.#first + 1;
    const expectedNow = expected - this.#expectedPrior;
    const lostNow = expectedNow - (this.#received - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = this.#received;
    const report = this.#senderReport;
    return {
      ssrc: this.#ssrc,
      fractionLost: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      lost: expected - this.#received,
      highestSequence: extended,
      jitter: Math.floor(this.#jitter),
      lastSenderReport: report?.ntpMiddle ?? 0,
      delaySinceLastSenderReport: report === undefined ? 0 : Math.round((nowMs - report.atMs) * 65.536),
    };
  }

  #restart(packet: RtpPacket): void {
    this.#ssrc = packet.ssrc;
    this.#first = packet.sequence;
    this.#highest = packet.sequence;
    this.#cycles = 0;
    this.#received = 0;
    this.#expectedPrior = 0;
    this.#receivedPrior = 0;
    this.#jitter = 0;
    this.#lastTransit = undefined;
    this.#senderReport = undefined;
  }
}
