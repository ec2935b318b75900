import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { PacketFeed } from "../contracts/output.ts";
import type { Packet, VideoTrack } from "../domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import { Broadcast } from "../runtime/broadcast.ts";
import { silentLogger } from "../runtime/log.ts";
import { Bandwidth } from "./bandwidth.ts";
import { announceAddresses } from "./ice-settings.ts";
import { Pacer } from "./pacer.ts";
import type { OutgoingRtp } from "./peer.ts";
import { rtpTimestampOf, spreadBacklog } from "./rtp-times.ts";
import { parseIceFragment } from "./sdp-fragment.ts";
import { VideoSender } from "./video-sender.ts";

const never = new AbortController().signal;

test("a keyframe leaves at the pacer's rate, and what is less at once", async () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock, 8_000_000);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) {
      await pacer.take(1000, never);
    }
  })();
  await clock.advance(0);
  assert.ok(sent >= 4 && sent <= 8, `${sent} packets in the first burst`);
  for (let ms = 0; ms < 200 && sent < 100; ms += 4) {
    await clock.advance(4);
  }
  await sending;
  // 100 kB at 1 MB/s take 100 ms.
  assert.ok(clock.monotonicMs() >= 80 && clock.monotonicMs() <= 120, `${clock.monotonicMs()} ms`);
});

test("the line is what the viewer estimates, or less where packets are lost", () => {
  const line = new Bandwidth();
  assert.equal(line.bitrateBps, undefined);
  line.reported({ lossShare: 0.05, sentBps: 4e6 });
  assert.equal(line.bitrateBps, undefined, "a little loss says nothing");
  line.estimated(3e6);
  assert.equal(line.bitrateBps, 3e6);
  line.reported({ lossShare: 0.2, sentBps: 2e6 });
  assert.equal(line.bitrateBps, 1.8e6);
  for (let i = 0; i < 50; i++) {
    line.reported({ lossShare: 0, sentBps: 1e6 });
  }
  assert.equal(line.bitrateBps, 3e6, "and it recovers");
  line.estimated(10);
  assert.equal(line.bitrateBps, 150_000, "never below what shows anything");
});

test("older pictures get rising times right before the live one's, also around the wrap", () => {
  fc.assert(
    fc.property(fc.nat(600), fc.nat(2 ** 32 - 1), fc.option(fc.integer({ min: 1, max: 100_000 })), (count, next, ago) => {
      const last = ago === null ? undefined : (next - ago) >>> 0;
      const times = spreadBacklog(count, next, last);
      let before = last;
      for (const time of times) {
        assert.ok(before === undefined || ((time - before) | 0) > 0);
        before = time;
      }
      assert.equal(times.length, count);
      if (ago === null || ago > count) {
        assert.ok(before === undefined || ((next - before) | 0) > 0);
      }
    }),
  );
  assert.equal(rtpTimestampOf(mediaTimeUs(1_000_000)), 90_000);
  assert.equal(rtpTimestampOf(mediaTimeUs(-11)), 2 ** 32 - 1);
});

test("ICE fragments", () => {
  assert.deepEqual(parseIceFragment("a=ice-ufrag:EsAw\r\na=mid:1\r\na=candidate:1 1 udp 1 192.0.2.1 3 typ host\r\na=end-of-candidates\r\n"), {
    candidates: [{ candidate: "candidate:1 1 udp 1 192.0.2.1 3 typ host", mid: "1" }], username: "EsAw",
  });
  assert.equal(parseIceFragment("hello"), undefined);
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void parseIceFragment(text)));
});

test("announced addresses stand beside the machine's own", () => {
  const sdp = "v=0\r\na=candidate:abc 1 udp 2130706431 10.0.0.5 50000 typ host\r\na=candidate:d 1 udp 1 198.51.100.7 3 typ srflx\r\n";
  assert.match(announceAddresses(sdp, ["203.0.113.1"]), /abc 1 udp 2130706431 10\.0\.0\.5 50000 typ host\r\na=candidate:abc0 1 udp 2130706431 203\.0\.113\.1 50000 typ host\r\na=candidate:d/);
  assert.equal(announceAddresses(sdp, []), sdp);
});

const TRACK: VideoTrack = { kind: "video", codec: "h264", width: 320, height: 180, rotation: 0, frameRate: 25, codecPrivate: Buffer.from("000000016742c00cd901419f9f011000000300100000030320f142a4800000000168cb83cb20", "hex") };

/** A sender on a fake clock, and what it sent. */
function sending(backlog: readonly Packet[] = [], over: Partial<PacketFeed> = {}) {
  const clock = new FakeClock();
  const hub = new Broadcast<Packet>({ startsAt: ({ isKeyframe }) => isKeyframe });
  const sent: OutgoingRtp[] = [];
  const stop = new AbortController();
  let reads = 0;
  const sender = new VideoSender({
    read: (options) => {
      reads += 1;
      return Promise.resolve({ tracks: [TRACK], packets: hub.subscribe(options, backlog), backlog: backlog.length, ...over });
    },
    send: (packet) => {
      sent.push(packet);
      return Promise.resolve();
    },
    clock,
    log: silentLogger,
  });
  const running = sender.run(stop.signal);
  const packet = (at: number, isKeyframe = false, ageMs = 0): Packet => ({
    track: 0, data: Buffer.from(isKeyframe ? "0000000165888400" : "00000001419a0102", "hex"), ptsUs: mediaTimeUs(at * 40_000), dtsUs: mediaTimeUs(at * 40_000),
    durationUs: 40_000, isKeyframe, capturedAtMs: wallTimeMs(clock.now() - ageMs),
  });
  return { clock, hub, sent, stop, sender, running, packet, reads: () => reads };
}

test("a keyframe goes out with its parameter sets, every picture ends with a marker", async () => {
  const { clock, hub, sent, stop, running, packet } = sending();
  await clock.advance(0);
  await hub.publish(packet(0, true));
  await hub.publish(packet(1));
  await clock.advance(50);
  assert.deepEqual(sent.map(({ timestamp, marker }) => [timestamp, marker]), [[0, true], [3600, true]]);
  assert.equal((sent[0]?.payload[0] ?? 0) & 31, 24, "SPS, PPS and slice in one packet");
  stop.abort();
  assert.deepEqual(await running, { kind: "ended" });
});

test("cached pictures are hurried through, so that a viewer is not behind for ever", async () => {
  const make = sending().packet;
  const cached = Array.from({ length: 30 }, (_, at) => make(at, at === 0));
  const { clock, hub, sent, stop, packet } = sending(cached);
  await clock.advance(0);
  await hub.publish(packet(30));
  await clock.advance(200);
  const first = sent[0]?.timestamp ?? 0;
  const last = sent.at(-1)?.timestamp ?? 0;
  assert.equal(last, 30 * 3600);
  assert.ok(((last - first) | 0) / 90 < 80, `${((last - first) | 0) / 90} ms between the first and the live one`);
  stop.abort();
});

test("a viewer who lost a picture gets a keyframe: made for it, or the cached group again", async () => {
  let asked = 0;
  const made = sending([], { requestKeyframe: () => (asked += 1) });
  await made.clock.advance(0);
  made.sender.wantKeyframe();
  made.sender.wantKeyframe();
  assert.equal(asked, 1, "once, however often it asks at a time");
  made.stop.abort();
  const cached = sending();
  await cached.clock.advance(0);
  cached.sender.wantKeyframe();
  await cached.clock.advance(10);
  assert.equal(cached.reads(), 2);
  cached.stop.abort();
});

test("a viewer who falls behind skips to a keyframe", async () => {
  const { clock, hub, sent, stop, sender, packet } = sending();
  await clock.advance(0);
  await hub.publish(packet(0, true));
  await hub.publish(packet(1, false, 900));
  await hub.publish(packet(2, false, 900));
  await hub.publish(packet(3, true, 900));
  await clock.advance(50);
  assert.deepEqual(sent.map(({ timestamp }) => timestamp), [0, 3 * 3600]);
  assert.equal(sender.skipped, 2);
  stop.abort();
});

test("B-frames and another codec end the session with the reason", async () => {
  const reordered = sending();
  await reordered.clock.advance(0);
  await reordered.hub.publish(reordered.packet(0, true));
  await reordered.hub.publish(reordered.packet(3));
  await reordered.hub.publish(reordered.packet(2));
  await reordered.clock.advance(50);
  assert.match(JSON.stringify(await reordered.running), /B-frames/);
  const changed = sending();
  await changed.clock.advance(0);
  await changed.hub.publish({ ...changed.packet(0, true), newTrack: { ...TRACK, codec: "hevc" } });
  await changed.clock.advance(50);
  assert.match(JSON.stringify(await changed.running), /hevc now/);
});

test("a narrow line reaches the encoder", async () => {
  const limits: number[] = [];
  const { clock, sender, stop } = sending([], { limitBitrate: (bitrateBps) => void limits.push(bitrateBps) });
  await clock.advance(0);
  sender.estimated(700_000);
  assert.deepEqual(limits, [700_000]);
  stop.abort();
});
