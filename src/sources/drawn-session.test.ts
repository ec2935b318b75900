import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { VideoFrame } from "../contracts/frame.ts";
import type { FrameSession, Source } from "../contracts/source.ts";
import { aliveFrames } from "../media/index.ts";
import { silentLogger } from "../runtime/log.ts";
import { sceneSource } from "./scene/index.ts";
import { testSource } from "./test/index.ts";

const contextWith = (clock: FakeClock): KindContext => ({ stream: "street", clock, log: silentLogger, baseDir: ".", dataDir: ".", allowAnonymous: false });
const KINDS = [
  ["scene:street", (query: string, clock: FakeClock): Source => sceneSource.create(sceneSource.schema.parse(sceneSource.fromAddress(`scene:street?size=160x90&${query}`)), contextWith(clock))],
  ["test:bars", (query: string, clock: FakeClock): Source => testSource.create(testSource.schema.parse(testSource.fromAddress(`test:bars?size=160x90&${query}`)), contextWith(clock))],
] as const;

async function open(source: Source): Promise<FrameSession> {
  const session = await source.open(new AbortController().signal);
  assert.ok(session.delivers === "frames");
  return session;
}

/** The next frame; fails where the session has ended. */
async function nextOf(frames: AsyncIterator<VideoFrame, unknown>): Promise<VideoFrame> {
  const next = await frames.next();
  assert.ok(next.done !== true, "the session has ended");
  return next.value;
}

for (const [name, create] of KINDS) {
  test(`${name}: a finite sequence at full speed delivers every frame, in order`, async () => {
    await using session = await open(create("frames=6&fps=10&realtime=0", new FakeClock()));
    assert.deepEqual([session.isLive, session.frameRate, session.durationS], [false, 10, 0.6]);
    const times: number[] = [];
    for await (const frame of session.frames) {
      times.push(frame.ptsUs);
      assert.deepEqual([frame.width, frame.height, frame.durationUs], [160, 90, 100_000]);
      frame[Symbol.dispose]();
    }
    assert.deepEqual(times, [0, 100_000, 200_000, 300_000, 400_000, 500_000]);
    assert.equal(aliveFrames(), 0);
  });

  test(`${name}: live frames come by the clock, and what nobody took in time is skipped`, async () => {
    const clock = new FakeClock();
    await using session = await open(create("fps=10&duration=2", clock));
    assert.equal(session.isLive, true);
    const frames = session.frames[Symbol.asyncIterator]();
    const take = async (): Promise<[ptsUs: number, capturedAtMs: number]> => {
      using frame = await nextOf(frames);
      return [frame.ptsUs, frame.capturedAtMs];
    };
    const startMs = clock.now();
    assert.deepEqual(await take(), [0, startMs]);
    let isTaken = false;
    const second = take().then((times) => {
      isTaken = true;
      return times;
    });
    await clock.advance(99);
    assert.equal(isTaken, false, "not before its time");
    await clock.advance(1);
    assert.deepEqual(await second, [100_000, startMs + 100]);
    await clock.advance(750);
    assert.deepEqual(await take(), [800_000, startMs + 850], "the frame of now, not the oldest one");
    await clock.advance(2000);
    assert.equal((await frames.next()).done, true);
    assert.equal(clock.timers, 0);
  });

  test(`${name}: disposing ends a wait, twice is once, and nothing is left`, async () => {
    const clock = new FakeClock();
    const session = await open(create("fps=1", clock));
    const frames = session.frames[Symbol.asyncIterator]();
    (await nextOf(frames))[Symbol.dispose]();
    const pending = frames.next();
    await clock.advance(10);
    await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()]);
    assert.equal((await pending).done, true);
    assert.deepEqual([clock.timers, aliveFrames()], [0, 0]);
  });

  test(`${name}: opening with an aborted signal fails with its reason`, async () => {
    const reason = new Error("not wanted any more");
    await assert.rejects(async () => create("", new FakeClock()).open(AbortSignal.abort(reason)), reason);
  });
}

test("aborting while the scene opens stops its thread", async () => {
  const [, create] = KINDS[0];
  const controller = new AbortController();
  const opening = create("", new FakeClock()).open(controller.signal);
  controller.abort(new Error("gone"));
  await assert.rejects(opening, /gone/);
  assert.ok(!process.getActiveResourcesInfo().includes("Worker"));
});

test("addresses say what they take", () => {
  assert.equal(sceneSource.fromAddress("rtsp://camera/1"), undefined);
  assert.equal(testSource.fromAddress("clip.mp4"), undefined);
  assert.throws(() => sceneSource.fromAddress("scene:beach"), { code: "E_CONFIG", message: /scene:street/ });
  assert.throws(() => testSource.fromAddress("test:card"), { code: "E_CONFIG", message: /test:bars/ });
  assert.throws(() => sceneSource.fromAddress("scene:street?sead=3"), { code: "E_CONFIG", message: /unknown setting "sead", expected .*seed/ });
  assert.throws(() => sceneSource.fromAddress("scene:street?fps=fast"), { code: "E_CONFIG", message: /fps: expected a number, got "fast"/ });
  assert.throws(() => sceneSource.fromAddress("scene:street?realtime=maybe"), { code: "E_CONFIG", message: /expected 0 or 1/ });
  assert.deepEqual(sceneSource.fromAddress("scene:street?seed=3&size=1280x720&day=60&duration=5&realtime=0"), {
    kind: "scene", seed: 3, size: "1280x720", dayS: 60, durationS: 5, realtime: false,
  });
  assert.equal(sceneSource.schema.safeParse({ kind: "scene", size: "big" }).success, false);
});
