import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { encodeVideo } from "../../../test/support/encoded-video.ts";
import type { EncodedVideo } from "../../../test/support/encoded-video.ts";
import { startNuuoRecorder } from "../../../test/support/nuuo-recorder.ts";
import type { FakeRecorder, RecorderBehaviour } from "../../../test/support/nuuo-recorder.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import type { PacketSession } from "../../contracts/source.ts";
import type { Packet } from "../../domain/packet.ts";
import { VedetteError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { testSource } from "../source.contract.ts";
import { nuuoSource } from "./index.ts";
import { SmoothedTimes } from "./smoothed-times.ts";

const never = new AbortController().signal;
const { skip } = needsPrograms("ffmpeg");
let video: EncodedVideo;
let titan: FakeRecorder;

before(async () => {
  if (skip === false) {
    video = encodeVideo("h264", "320x240");
    titan = await startNuuoRecorder({ model: "titan", video });
  }
});
after(async () => {
  await (titan as FakeRecorder | undefined)?.[Symbol.asyncDispose]();
});

function create(port: number, rest: string) {
  const config = nuuoSource.schema.parse(nuuoSource.fromAddress(`nuuo://op:pass%20word@127.0.0.1:${String(port)}/${rest}`));
  return nuuoSource.create(config, { stream: "s", clock: systemClock, log: silentLogger, baseDir: "/", dataDir: "/", allowAnonymous: false });
}

async function take(port: number, rest: string, count: number): Promise<{ session: PacketSession; packets: Packet[] }> {
  const session = (await (await create(port, rest)).open(never));
  const packets: Packet[] = [];
  try {
    for await (const packet of session.packets) {
      packets.push(packet);
      if (packets.length >= count) {
        break;
      }
    }
  } finally {
    await session[Symbol.asyncDispose]();
  }
  return { session, packets };
}

const recorder = async (t: { after: (end: () => Promise<void>) => void }, behaviour: Partial<RecorderBehaviour>): Promise<FakeRecorder> => {
  const started = await startNuuoRecorder({ model: "crystal", video, ...behaviour });
  t.after(async () => started[Symbol.asyncDispose]());
  return started;
};

testSource({
  kind: "nuuo",
  ends: false,
  skip,
  create: () => Promise.resolve(create(titan.port, "Entry?profile=Low")),
  broken: { create: () => Promise.resolve(create(titan.port, "roof")), code: "E_SOURCE_NO_STREAM" },
});

test("Titan: the pictures of the area, byte for byte", { skip }, async () => {
  const { session, packets } = await take(titan.port, "first floor entry?profile=Low&exact=1", 30);
  assert.deepEqual(session.tracks.map((track) => track.kind === "video" && [track.codec, track.width, track.height, track.frameRate]), [["h264", 320, 240, 30]]);
  packets.forEach((packet, index) => assert.deepEqual(Buffer.from(packet.data), Buffer.from(video.packet(index).data), `picture ${String(index)}`));
  assert.deepEqual(titan.problems, []);
});

test("Crystal: keyframes in pieces are put together, and a session that expires is renewed", { skip }, async (t) => {
  const crystal = await recorder(t, { sessionPictures: 30 });
  const { packets } = await take(crystal.port, "medical?profile=Low", 70);
  packets.forEach((packet, index) => assert.deepEqual(Buffer.from(packet.data), Buffer.from(video.packet(index % 30).data), `picture ${String(index)}`));
  assert.equal(crystal.logins(), 3);
  assert.deepEqual(crystal.problems, []);
  const gaps = packets.slice(1).map((packet, index) => packet.dtsUs - packets[index]!.dtsUs);
  assert.ok(gaps.every((gap) => gap > 0));
});

test("Crystal: its clock is believed when it is right, ours when it is not", { skip }, async (t) => {
  const wrong = await recorder(t, { clockOffsetMs: 3_600_000 });
  const { packets } = await take(wrong.port, "?profile=Low", 5);
  assert.ok(packets.every((packet) => Math.abs(packet.capturedAtMs - Date.now()) < 5000));
});

test("what goes wrong is said plainly", { skip, timeout: 30_000 }, async (t) => {
  const code = (expected: string, text = /./) => (error: unknown) => error instanceof VedetteError && error.code === expected && text.test(error.message) && !/pass word|pass%20word/.test(error.message);
  const refusing = await recorder(t, { refusesSessions: true });
  await assert.rejects(take(refusing.port, "?profile=Low", 1), code("E_SOURCE_BROKEN", /refuses every new session/));
  assert.equal(refusing.logins(), 4);
  for (const [behaviour, expected] of [
    [{ liveRubbish: "<html>\r\n\r\n" }, code("E_WIRE", /expected live video/)],
    [{ liveRubbish: "" }, code("E_SOURCE_BROKEN", /without sending a picture/)],
    [{ listRubbish: "<a/>" }, code("E_WIRE", /no serverList/)],
    [{ listRubbish: "<a/>", model: "titan" }, code("E_WIRE", /no deviceTreeList/)],
  ] as const) {
    const broken = await recorder(t, behaviour);
    await assert.rejects(take(broken.port, "?profile=Low", 1), expected);
  }
  await assert.rejects(take(titan.port, "roof?profile=Low", 1), code("E_SOURCE_NO_STREAM", /First Floor Entry \(Original h264, Low h264\/mjpeg\)/));
  await assert.rejects(take(1, "", 1), code("E_SOURCE_UNREACHABLE"));
  const stranger = await nuuoSource.create(nuuoSource.schema.parse({ kind: "nuuo", host: "127.0.0.1", port: titan.port }), { stream: "s", clock: systemClock, log: silentLogger, baseDir: "/", dataDir: "/", allowAnonymous: false });
  await assert.rejects(stranger.open(never), code("E_SOURCE_CREDENTIALS"));
});

test("addresses that cannot be meant are refused", () => {
  for (const bad of ["nuuo://h/(", "nuuo://h/a?profil=Low", "nuuo://h/a?exact=maybe", "nuuo://h:70000"]) {
    assert.equal(nuuoSource.schema.safeParse(nuuoSource.fromAddress(bad)).success, false, bad);
  }
});

test("uneven stamps become even times that keep up", () => {
  const times = new SmoothedTimes(30);
  let last = -1;
  let worst = 0;
  // 10 a second, stamped up to 40 ms early or late.
  for (let index = 0; index < 300; index++) {
    const trueUs = index * 100_000;
    const time = times.next(Math.max(0, trueUs + [0, 40_000, -40_000, 20_000][index % 4]!));
    assert.ok(time > last);
    if (index > 50) {
      worst = Math.max(worst, Math.abs(time - trueUs));
    }
    last = time;
  }
  assert.ok(worst < 40_000, String(worst));
  assert.ok(times.next(1000e6) > 999e6, "a break is jumped over");
});
