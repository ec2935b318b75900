import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { PacketSession, Source } from "../contracts/source.ts";
import type { Packet, Track } from "../domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import { VedetteError } from "../errors.ts";
import { silentLogger } from "./log.ts";
import { supervise } from "./supervisor.ts";
import type { SourceStatus, SupervisedSession, SuperviseOptions } from "./supervisor.ts";

const VIDEO: Track = { kind: "video", codec: "h264", width: 320, height: 240, rotation: 0, frameRate: 25, codecPrivate: undefined };
const AUDIO: Track = { kind: "audio", codec: "aac", sampleRateHz: 48_000, channels: 1, codecPrivate: undefined };

/** One connection of a camera that the test plays. */
class FakeConnection implements PacketSession {
  readonly delivers = "packets";
  readonly isLive: boolean = true;
  readonly durationS: number | undefined;
  readonly tracks: readonly Track[];
  disposals = 0;
  readonly #queue: Packet[] = [];
  #end: { error?: Error } | undefined;
  #wake: (() => void) | undefined;

  constructor(tracks: readonly Track[] = [VIDEO], durationS?: number) {
    this.tracks = tracks;
    this.durationS = durationS;
  }

  send(ms: number, more: Partial<Packet> = {}): void {
    const us = mediaTimeUs(ms * 1000);
    this.#queue.push({ track: 0, data: new Uint8Array(1), ptsUs: us, dtsUs: us, durationUs: 0, isKeyframe: true, capturedAtMs: wallTimeMs(0), ...more });
    this.#wake?.();
  }

  end(error?: Error): void {
    this.#end = error === undefined ? {} : { error };
    this.#wake?.();
  }

  get packets(): AsyncIterable<Packet> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Packet> {
    while (true) {
      const packet = this.#queue.shift();
      if (packet !== undefined) {
        yield packet;
      } else if (this.#end !== undefined) {
        if (this.#end.error !== undefined) {
          throw this.#end.error;
        }
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposals++;
    this.#end ??= {};
    this.#wake?.();
    return Promise.resolve();
  }
}

const broken = (): VedetteError => new VedetteError("E_SOURCE_UNREACHABLE", { source: "cam", reason: "connection refused" });
const wrongPassword = (): VedetteError => new VedetteError("E_SOURCE_CREDENTIALS", { source: "cam" });

/** Supervises a source whose `open` does what the list says, one entry a try; the last one again and again. */
async function supervised(tries: (FakeConnection | Error)[], over: Partial<SuperviseOptions> = {}) {
  const clock = new FakeClock();
  const statuses: SourceStatus[] = [];
  const stop = new AbortController();
  const openedAtMs: number[] = [];
  const source: Source = {
    name: "cam",
    open: () => {
      openedAtMs.push(clock.monotonicMs());
      const next = tries.length > 1 ? tries.shift() : tries[0];
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next ?? new FakeConnection());
    },
  };
  const options = { clock, random: () => 0.5, log: silentLogger, onPermanent: "wait" as const, onStatus: (status: SourceStatus) => void statuses.push(status), ...over };
  const opening = supervise(source, options, stop.signal);
  opening.catch(() => undefined);
  const received: Packet[] = [];
  const done = opening.then(async (session) => {
    assert.equal(session.delivers, "packets");
    for await (const packet of (session).packets) {
      received.push(packet);
    }
  });
  done.catch(() => undefined);
  await clock.advance(0);
  return { clock, statuses, stop, openedAtMs, received, opening, done };
}

test("a camera that is away is tried at 200 ms, then ever later, at most a second apart", async () => {
  const { clock, openedAtMs, stop, done, statuses } = await supervised([broken()]);
  await clock.advance(6000);
  assert.deepEqual(openedAtMs.slice(0, 6), [0, 200, 600, 1400, 2400, 3400]);
  assert.equal(statuses.at(-1)?.state, "waiting");
  assert.equal(statuses.at(-1)?.error?.code, "E_SOURCE_UNREACHABLE");
  stop.abort(new Error("stopped"));
  await assert.rejects(done, /stopped/);
  assert.equal(clock.timers, 0);
});

test("jitter spreads the tries by a fifth", async () => {
  const early = await supervised([broken()], { random: () => 0 });
  const late = await supervised([broken()], { random: () => 1 });
  await Promise.all([early.clock.advance(300), late.clock.advance(300)]);
  assert.deepEqual(early.openedAtMs, [0, 160]);
  assert.deepEqual(late.openedAtMs, [0, 240]);
  early.stop.abort();
  late.stop.abort();
});

test("a wrong password is tried slowly in a daemon", async () => {
  const { clock, openedAtMs, stop } = await supervised([wrongPassword()]);
  await clock.advance(61_000);
  assert.deepEqual(openedAtMs, [0, 30_000, 60_000]);
  stop.abort();
});

test("a wrong password ends a command at once", async () => {
  const { opening, statuses } = await supervised([wrongPassword()], { onPermanent: "fail" });
  await assert.rejects(opening, { code: "E_SOURCE_CREDENTIALS" });
  assert.equal(statuses.at(-1)?.state, "failed");
});

test("a first connection that fails is told at once where that is wanted", async () => {
  const { opening } = await supervised([broken()], { firstOpen: "fail" });
  await assert.rejects(opening, { code: "E_SOURCE_UNREACHABLE" });
});

test("a camera that comes back goes on where it was, later by the time that passed", async () => {
  const [first, second] = [new FakeConnection(), new FakeConnection()];
  const { clock, received, stop, done, statuses } = await supervised([first, second]);
  first.send(0);
  await clock.advance(40);
  first.send(40);
  await clock.advance(0);
  first.end(broken());
  await clock.advance(250);
  assert.equal(first.disposals, 1);
  second.send(1_000_000);
  second.send(1_000_040);
  await clock.advance(10);
  assert.deepEqual(received.map(({ dtsUs }) => dtsUs / 1000), [0, 40, 290, 330]);
  assert.deepEqual(
    statuses.map(({ state }) => state),
    ["connecting", "live", "waiting", "connecting", "live"],
  );
  stop.abort();
  await done;
  assert.equal(second.disposals, 1);
  assert.equal(clock.timers, 0);
});

test("timestamps that jump back within a connection go on rising", async () => {
  const connection = new FakeConnection();
  const { clock, received, stop } = await supervised([connection]);
  for (const ms of [50_000, 50_040, 0, 40]) {
    connection.send(ms);
    await clock.advance(40);
  }
  assert.deepEqual(received.map(({ dtsUs }) => dtsUs / 1000), [50_000, 50_040, 50_080, 50_120]);
  stop.abort();
});

test("silence for 5 s connects anew; sound alone is silence too", async () => {
  const [first, second] = [new FakeConnection([VIDEO, AUDIO]), new FakeConnection([VIDEO, AUDIO])];
  const { clock, openedAtMs, statuses, stop } = await supervised([first, second]);
  first.send(0);
  for (let second = 1; second <= 4; second++) {
    await clock.advance(1000);
    first.send(second * 1000, { track: 1 });
  }
  assert.equal(openedAtMs.length, 1);
  await clock.advance(1000);
  assert.equal(statuses.find(({ state }) => state === "waiting")?.error?.code, "E_SOURCE_SILENT");
  await clock.advance(200);
  assert.equal(openedAtMs.length, 2);
  stop.abort();
});

test("a consumer that takes its time is not mistaken for silence", async () => {
  const connection = new FakeConnection();
  const clock = new FakeClock();
  const source: Source = { name: "cam", open: () => Promise.resolve(connection) };
  const options = { clock, random: () => 0.5, log: silentLogger, onPermanent: "wait" as const };
  const session = (await supervise(source, options, new AbortController().signal)) as SupervisedSession;
  connection.send(0);
  connection.send(40);
  const packets = session.packets[Symbol.asyncIterator]();
  await packets.next();
  await clock.advance(60_000);
  assert.equal(((await packets.next()).value as Packet).dtsUs, 40_000);
  await session[Symbol.asyncDispose]();
  assert.equal(connection.disposals, 1);
});

test("timestamps that stand still connect anew", async () => {
  const [first, second] = [new FakeConnection(), new FakeConnection()];
  const { clock, statuses, openedAtMs, stop } = await supervised([first, second]);
  for (let ms = 0; ms < 5200; ms += 40) {
    first.send(1000);
    await clock.advance(40);
  }
  assert.match(statuses.find(({ state }) => state === "waiting")?.error?.message ?? "", /stood still/);
  await clock.advance(200);
  assert.equal(openedAtMs.length, 2);
  stop.abort();
});

test("packets of which none can be decoded connect anew", async () => {
  const [first, second] = [new FakeConnection(), new FakeConnection()];
  const { clock, statuses, opening, stop } = await supervised([first, second]);
  const session = (await opening) as SupervisedSession;
  for (let ms = 0; ms < 5200; ms += 40) {
    first.send(ms);
    session.noteDecoded(false);
    await clock.advance(40);
  }
  assert.match(statuses.find(({ state }) => state === "waiting")?.error?.message ?? "", /decoded/);
  stop.abort();
});

test("a camera that delivers nothing but errors is not hammered", async () => {
  const clockOf = await supervised([broken()]);
  clockOf.stop.abort();
  const bad = Array.from({ length: 40 }, () => {
    const connection = new FakeConnection();
    connection.send(0);
    connection.end(broken());
    return connection;
  });
  const { clock, openedAtMs, stop } = await supervised(bad);
  await clock.advance(10_000);
  assert.ok(openedAtMs.length <= 13, `${openedAtMs.length} connections in 10 s`);
  stop.abort();
});

test("after health the first retry is quick again", async () => {
  const [long, next] = [new FakeConnection(), new FakeConnection()];
  const { clock, openedAtMs, stop } = await supervised([broken(), broken(), broken(), long, next]);
  await clock.advance(1400);
  for (let ms = 0; ms <= 4000; ms += 40) {
    long.send(ms);
    await clock.advance(40);
  }
  const brokeAtMs = clock.monotonicMs();
  long.end(broken());
  await clock.advance(300);
  assert.equal((openedAtMs.at(-1) ?? 0) - brokeAtMs, 200);
  stop.abort();
});

test("another resolution after a reconnect is announced on its first packet", async () => {
  const wide: Track = { ...VIDEO, width: 640 };
  const [first, second] = [new FakeConnection([VIDEO, AUDIO]), new FakeConnection([AUDIO, wide])];
  const { clock, received, stop, opening } = await supervised([first, second]);
  first.send(0);
  await clock.advance(0);
  first.end();
  await clock.advance(200);
  second.send(0, { track: 1 });
  second.send(10, { track: 0 });
  second.send(40, { track: 1 });
  await clock.advance(0);
  assert.deepEqual(received.map(({ track, newTrack }) => [track, newTrack]), [[0, undefined], [0, wide], [1, undefined], [0, undefined]]);
  assert.deepEqual(((await opening) as PacketSession).tracks, [wide, AUDIO]);
  stop.abort();
});

test("a recording of known length ends", async () => {
  const connection = new FakeConnection([VIDEO], 12);
  const { clock, done, statuses } = await supervised([connection]);
  connection.send(0);
  connection.end();
  await clock.advance(0);
  await done;
  assert.equal(statuses.at(-1)?.state, "ended");
});

test("disposal ends a wait between tries and leaves nothing", async () => {
  const first = new FakeConnection();
  const { clock, opening, done } = await supervised([first, broken()]);
  first.end(broken());
  await clock.advance(1000);
  const session = await opening;
  await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()]);
  await turn();
  await done;
  assert.equal(clock.timers, 0);
});
