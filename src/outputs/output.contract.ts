// What every kind of output promises (contracts/output.ts), run by each kind's own tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Output } from "../contracts/output.ts";
import { VedetteError } from "../errors.ts";
import { FakeTaps, fakeResult } from "../../test/support/fake-taps.ts";

/** One kind under test. */
export interface OutputCase {
  readonly kind: string;
  /** A fresh output with a target of its own that works. */
  create(): Promise<Output>;
  /** An output whose target cannot be opened, and the code that says so; left out where no target can fail. */
  readonly broken?: { create(): Promise<Output>; readonly code: string };
  /** Pushes something worth writing; results when left out. */
  readonly feed?: (taps: FakeTaps, seq: number) => Promise<void>;
  /** Tracks that the stream has, for outputs of packets. */
  readonly taps?: () => FakeTaps;
}

const never = (): AbortSignal => new AbortController().signal;

/** What keeps the process alive, but for what the test runner itself uses. */
function handles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => !/^(Timeout|Immediate|TTYWrap|PipeWrap)$/.test(name));
}

/** Registers the tests. */
export function testOutput(subject: OutputCase): void {
  const newTaps = subject.taps ?? (() => new FakeTaps());
  const feed = subject.feed ?? ((taps: FakeTaps, seq: number) => taps.pushResult(fakeResult(seq)));

  test(`${subject.kind}: runs until the stream ends`, async () => {
    const before = handles();
    const output = await subject.create();
    const taps = newTaps();
    await output.open(never());
    const running = output.run(taps, never());
    for (let seq = 0; seq < 5; seq++) {
      await feed(taps, seq);
    }
    taps.end();
    await running;
    await output[Symbol.asyncDispose]();
    assert.deepEqual(taps.readers, { packets: 0, jpegs: 0, results: 0, events: 0 }, "it goes on reading after the end");
    await assertNothingNew(before);
  });

  test(`${subject.kind}: an abort ends it quietly`, async () => {
    const before = handles();
    const output = await subject.create();
    const taps = newTaps();
    const stop = new AbortController();
    await output.open(stop.signal);
    const running = output.run(taps, stop.signal);
    await feed(taps, 0);
    stop.abort();
    await running;
    await output[Symbol.asyncDispose]();
    assert.deepEqual(taps.readers, { packets: 0, jpegs: 0, results: 0, events: 0 });
    await assertNothingNew(before);
  });

  test(`${subject.kind}: refuses to open once aborted`, async () => {
    const output = await subject.create();
    await assert.rejects(output.open(AbortSignal.abort(new Error("stopped"))), /stopped/);
    await output[Symbol.asyncDispose]();
  });

  test(`${subject.kind}: can be disposed unopened, unrun and twice`, async () => {
    const before = handles();
    const unopened = await subject.create();
    await unopened[Symbol.asyncDispose]();
    const opened = await subject.create();
    await opened.open(never());
    await Promise.all([opened[Symbol.asyncDispose](), opened[Symbol.asyncDispose]()]);
    await opened[Symbol.asyncDispose]();
    await assertNothingNew(before);
  });

  test(`${subject.kind}: its name shows no password`, async () => {
    const output = await subject.create();
    assert.doesNotMatch(output.name, /:[^/@:*]+@/);
    await output[Symbol.asyncDispose]();
  });

  const { broken } = subject;
  if (broken !== undefined) {
    test(`${subject.kind}: a target that cannot be opened is told at once`, async () => {
      const output = await broken.create();
      await assert.rejects(output.open(never()), (error: unknown) => error instanceof VedetteError && error.code === broken.code);
      await output[Symbol.asyncDispose]();
    });
  }
}

/** Nothing is open that was not before. Closed sockets leave the list of handles some turns later. */
async function assertNothingNew(before: readonly string[]): Promise<void> {
  let left: string[] = [];
  for (let turn = 0; turn < 50; turn++) {
    left = handles();
    for (const name of before) {
      const at = left.indexOf(name);
      left.splice(at, at < 0 ? 0 : 1);
    }
    if (left.length === 0) {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(left, [], "still open");
}
