import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { corpus } from "../../../test/support/corpus.ts";
import { wallTimeMs } from "../../domain/time.ts";
import { RTP_FORMATS } from "../rtp-formats/formats.ts";
import { CaptureClock } from "./capture-clock.ts";
import { DecodeTimes } from "./decode-times.ts";
import { ReceptionReport } from "./reception-report.ts";
import { ReorderBuffer } from "./reorder-buffer.ts";
import { parseRtcp, writeRtcp } from "./rtcp.ts";
import type { RtcpPacket } from "./rtcp.ts";
import { parseRtp, writeRtp } from "./rtp-packet.ts";
import type { RtpPacket } from "./rtp-packet.ts";
import { TimestampUnwrapper } from "./serial.ts";

const files = corpus(join(import.meta.dirname, "rtp.corpus"));
const rtp = (sequence: number, timestamp = 0, payload: Uint8Array = Uint8Array.of(1)): RtpPacket => ({ payloadType: 96, marker: false, sequence: sequence & 0xffff, timestamp, ssrc: 7, payload });

test("RTP packets are read as they were written", () => {
  const packet = fc.record({ payloadType: fc.nat(127), marker: fc.boolean(), sequence: fc.nat(65_535), timestamp: fc.nat(2 ** 32 - 1), ssrc: fc.nat(2 ** 32 - 1), payload: fc.uint8Array({ maxLength: 50 }) }, { noNullPrototype: true });
  fc.assert(
    fc.property(packet, fc.nat(8), (value, headroom) => {
      const read = parseRtp(writeRtp(value, headroom).subarray(headroom));
      assert.deepEqual({ ...read, payload: Uint8Array.from(read!.payload) }, value);
    }),
  );
});

test("contributing sources, extension and padding are left out (RFC 3550 §5.1)", () => {
  const bytes = Buffer.from("b1e0000100000002000000030000000400010001aabbccdd0102030002", "hex");
  bytes[bytes.length - 1] = 2;
  const packet = parseRtp(bytes);
  assert.deepEqual(Buffer.from(packet!.payload).toString("hex"), "010203");
  assert.equal(packet!.marker, true);
});

test("RTCP packets are read as they were written; their bytes are those of RFC 3550", () => {
  const block = { ssrc: 1, fractionLost: 2, lost: -3, highestSequence: 70_000, jitter: 5, lastSenderReport: 6, delaySinceLastSenderReport: 7 };
  const packets: RtcpPacket[] = [
    { kind: "sender-report", ssrc: 9, wallTimeMs: wallTimeMs(Date.UTC(2026, 10, 20) + 250), ntpMiddle: 0, rtpTimestamp: 4, packets: 5, octets: 6, reports: [block] },
    { kind: "receiver-report", ssrc: 9, reports: [block, block] },
    { kind: "source-name", ssrc: 9, cname: "vedette" },
    { kind: "bye", ssrcs: [9, 10] },
  ];
  const read = parseRtcp(Buffer.concat(packets.map(writeRtcp)));
  const [report, ...others] = read;
  assert.deepEqual(others, packets.slice(1));
  assert.equal(report?.kind === "sender-report" ? report.wallTimeMs : 0, Date.UTC(2026, 10, 20) + 250);
  assert.equal(writeRtcp({ kind: "bye", ssrcs: [0x01020304] }).toString("hex"), "81cb000101020304");
  assert.equal(writeRtcp({ kind: "receiver-report", ssrc: 1, reports: [] }).toString("hex"), "80c9000100000001");
});

test("packets come out in order, each once, whatever the network did to their order", () => {
  fc.assert(
    fc.property(fc.nat(65_535), fc.array(fc.nat(5), { minLength: 1, maxLength: 60 }), (start, delays) => {
      const buffer = new ReorderBuffer({ capacity: 64, waitMs: 1000 });
      // The first stays first: nobody can know of packets before it.
      const sent = delays.map((delay, index) => ({ index, at: index === 0 ? -1 : index + delay })).sort((a, b) => a.at - b.at || a.index - b.index);
      const out = [...sent.flatMap(({ index }) => buffer.push(rtp(start + index), index)), ...buffer.flush()];
      assert.deepEqual(out.map(({ packet }) => (packet.sequence - start) & 0xffff), delays.map((_, index) => index));
      assert.equal(buffer.counts.lost, 0);
    }),
  );
});

test("a gap is waited for, and no longer; what is missing is counted; duplicates are left out", () => {
  const buffer = new ReorderBuffer({ capacity: 8, waitMs: 100 });
  assert.equal(buffer.push(rtp(1), 0).length, 1);
  assert.equal(buffer.push(rtp(4), 10).length, 0);
  assert.equal(buffer.push(rtp(4), 20).length, 0);
  assert.equal(buffer.advance(100).length, 0);
  assert.deepEqual(buffer.advance(110).map(({ packet, lost }) => [packet.sequence, lost]), [[4, 2]]);
  assert.equal(buffer.push(rtp(2), 120).length, 0);
  assert.deepEqual(buffer.counts, { received: 4, lost: 2, late: 2 });
});

test("without waiting (TCP) nothing is held up, and a sender that starts again is followed", () => {
  const buffer = new ReorderBuffer({ capacity: 8, waitMs: 0 });
  assert.equal(buffer.push(rtp(1), 0).length, 1);
  assert.deepEqual(buffer.push(rtp(3), 0).map(({ lost }) => lost), [1]);
  assert.deepEqual(buffer.push(rtp(40_000), 0).map(({ packet, lost }) => [packet.sequence, lost]), [[40_000, 0]]);
});

test("it never holds more than its capacity", () => {
  const buffer = new ReorderBuffer({ capacity: 8, waitMs: 1e9 });
  buffer.push(rtp(0), 0);
  let out = 0;
  for (let sequence = 2; sequence < 2000; sequence += 2) {
    out += buffer.push(rtp(sequence), 0).length;
  }
  assert.ok(out >= 990, String(out));
});

test("receiver reports: lost share, highest number over a wrap, echo of the sender report", () => {
  const report = new ReceptionReport(90_000);
  assert.equal(report.block(0), undefined);
  for (const sequence of [65_534, 65_535, 1, 2]) {
    report.received(rtp(sequence, sequence * 3600), 0);
  }
  report.senderReport(0x12345678, 1000);
  const block = report.block(3000);
  assert.deepEqual([block?.lost, block?.fractionLost, block?.highestSequence, block?.lastSenderReport, block?.delaySinceLastSenderReport], [1, 51, 65_538, 0x12345678, 131_072]);
  assert.equal(report.block(4000)?.fractionLost, 0, "of the next interval");
});

test("timestamps are followed over their wrap, and back for B-frames", () => {
  const unwrapper = new TimestampUnwrapper();
  const start = 2 ** 32 - 3600;
  assert.deepEqual([start, 3600, 0, 7200].map((value) => unwrapper.unwrap(value) - start), [0, 7200, 3600, 10_800]);
});

test("capture times: the camera's clock when it is right, arrival without its jitter when it is not", () => {
  const nowMs = Date.UTC(2026, 10, 20);
  const right = new CaptureClock(90_000, "auto");
  right.senderReport(wallTimeMs(nowMs - 80), 0);
  assert.equal(right.capturedAt(9000, wallTimeMs(nowMs + 120)), nowMs + 20);
  for (const cameraMs of [1, nowMs - 3_600_000, nowMs + 60_000]) {
    const wrong = new CaptureClock(90_000, "auto");
    wrong.senderReport(wallTimeMs(cameraMs), 0);
    assert.equal(wrong.capturedAt(0, wallTimeMs(nowMs)), nowMs);
    assert.equal(wrong.capturedAt(3600, wallTimeMs(nowMs + 95)), nowMs + 40, "55 ms late on the network");
    assert.equal(wrong.capturedAt(7200, wallTimeMs(nowMs + 80)), nowMs + 80);
  }
});

test("decoding times rise strictly and stay before presentation, for the depth that the stream tells", () => {
  const times = new DecodeTimes(2);
  const pts = [0, 4, 2, 1, 3, 8, 6, 5, 7].map((index) => index * 40_000);
  const dts = pts.map((ptsUs) => times.next(ptsUs));
  assert.ok(dts.every((dtsUs, index) => dtsUs <= pts[index]! && (index === 0 || dtsUs > dts[index - 1]!)), dts.join());
  fc.assert(
    fc.property(fc.nat(4), fc.array(fc.integer({ min: -1e6, max: 1e9 })), (depth, values) => {
      const any = new DecodeTimes(depth);
      let last = Number.NEGATIVE_INFINITY;
      for (const value of values) {
        const next = any.next(value);
        assert.ok(next > last);
        last = next;
      }
    }),
  );
});

test("no bytes make a parser or a depayloader throw, and the input is left as it was", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.constantFrom(...files.map(({ bytes }) => bytes)),
    fc.tuple(fc.constantFrom(...files.map(({ bytes }) => bytes)), fc.nat(60), fc.nat(255)).map(([file, at, value]) => {
      const changed = Buffer.from(file);
      changed[at % changed.length] = value;
      return changed;
    }),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 12 }), (all) => {
      const depayloaders = RTP_FORMATS.map((format) => format.receive(90_000, 1, new Map()).depayloader);
      for (const one of all) {
        const before = Buffer.from(one);
        parseRtcp(one);
        const packet = parseRtp(one);
        for (const depayloader of packet === undefined ? [] : depayloaders) {
          depayloader.push({ packet: packet!, lost: one.length % 3 === 0 ? 1 : 0 });
        }
        assert.deepEqual(Buffer.from(one), before);
      }
    }),
    { numRuns: 500 },
  );
});
