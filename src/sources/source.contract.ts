// What every kind of source promises (contracts/source.ts), run by each kind's own tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../contracts/source.ts";
import { VedetteError } from "../errors.ts";

/** One kind under test. Functions are called inside tests, so that servers may be started before. */
export interface SourceCase {
  readonly kind: string;
  /** Skips all of it, with the reason. */
  readonly skip?: string | false;
  /** A source that works, and goes on for at least a second or ends by itself. */
  create(): Source | Promise<Source>;
  /** A source that cannot be opened, and the code that says so. */
  readonly broken: { create(): Source | Promise<Source>; readonly code: string };
  /** A source whose opening hangs until it is aborted; left out where opening cannot wait. */
  readonly hanging?: () => Source | Promise<Source>;
  /** True for sources that end by themselves. */
  readonly ends: boolean;
}

const never = (): AbortSignal => new AbortController().signal;

/** What keeps the process alive, but for what the test runner itself uses. */
function handles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => !/^(Immediate|TTYWrap|PipeWrap|CloseReq)$/.test(name));
}

/** Nothing is open that was not before. Closed sockets leave the list of handles some turns later. */
async function assertNothingNew(before: readonly string[]): Promise<void> {
  let left: string[] = [];
  for (let turn = 0; turn < 100; turn++) {
    left = handles();
    for (const name of before) {
      const at = left.indexOf(name);
      left.splice(at, at < 0 ? 0 : 1);
    }
    if (left.length === 0) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5).unref());
  }
  assert.deepEqual(left, [], "still open");
}

async function take(source: Source, count: number): Promise<{ items: number; ended: boolean }> {
  const session = await source.open(never());
  let items = 0;
  try {
    if (session.delivers === "packets") {
      assert.equal(session.tracks.filter(({ kind }) => kind === "video").length, 1, "exactly one video track");
      const last = new Map<number, number>();
      for await (const packet of session.packets) {
        assert.ok(packet.track < session.tracks.length);
        assert.ok(packet.data.length > 0, "an empty packet");
        assert.ok(packet.dtsUs > (last.get(packet.track) ?? Number.NEGATIVE_INFINITY), "decoding times rise");
        assert.ok(items > 0 || packet.isKeyframe, "it begins with a keyframe");
        last.set(packet.track, packet.dtsUs);
        if (++items >= count) {
          return { items, ended: false };
        }
      }
    } else {
      let lastUs = Number.NEGATIVE_INFINITY;
      for await (const frame of session.frames) {
        using owned = frame;
        assert.ok(owned.ptsUs > lastUs, "presentation times rise");
        lastUs = owned.ptsUs;
        if (++items >= count) {
          return { items, ended: false };
        }
      }
    }
    return { items, ended: true };
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** Registers the tests. */
export function testSource(subject: SourceCase): void {
  const options = { skip: subject.skip ?? false };

  test(`${subject.kind}: delivers in order, and leaves nothing open when stopped in the middle`, options, async () => {
    const source = await subject.create();
    await take(source, 1);
    const before = handles();
    const { items } = await take(source, 10);
    assert.ok(items > 0);
    await assertNothingNew(before);
  });

  if (subject.ends) {
    test(`${subject.kind}: ends`, options, async () => {
      assert.equal((await take(await subject.create(), Number.POSITIVE_INFINITY)).ended, true);
    });
  }

  test(`${subject.kind}: disposing twice, and while a packet is awaited, ends the iteration quietly`, options, async () => {
    const session = await (await subject.create()).open(never());
    const items: AsyncIterable<unknown> = session.delivers === "packets" ? session.packets : session.frames;
    const iterating = (async () => {
      for await (const item of items) {
        if (session.delivers === "frames") {
          (item as Disposable)[Symbol.dispose]();
        }
      }
    })();
    await Promise.all([session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()]);
    await session[Symbol.asyncDispose]();
    await iterating;
  });

  test(`${subject.kind}: can be disposed without having been read`, options, async () => {
    const source = await subject.create();
    const before = handles();
    const session = await source.open(never());
    await session[Symbol.asyncDispose]();
    await assertNothingNew(before);
  });

  test(`${subject.kind}: refuses to open once aborted`, options, async () => {
    const source = await subject.create();
    await assert.rejects(source.open(AbortSignal.abort(new Error("stopped"))), /stopped/);
  });

  test(`${subject.kind}: says in a coded error why it cannot be opened`, options, async () => {
    const source = await subject.broken.create();
    const before = handles();
    await assert.rejects(source.open(never()), (error: unknown) => error instanceof VedetteError && error.code === subject.broken.code);
    await assertNothingNew(before);
  });

  test(`${subject.kind}: its name shows no password`, options, async () => {
    assert.doesNotMatch((await subject.create()).name, /:[^/@:*]+@/);
  });

  const { hanging } = subject;
  if (hanging !== undefined) {
    test(`${subject.kind}: an abort while opening ends the opening, and leaves nothing open`, options, async () => {
      const source = await hanging();
      const before = handles();
      const stop = new AbortController();
      const opening = source.open(stop.signal);
      setTimeout(() => stop.abort(new Error("stopped")), 50);
      await assert.rejects(opening, /stopped/);
      await assertNothingNew(before);
    });
  }
}
