// A whole stream in the test's own process: source, analysis, outputs.
import type { TestContext } from "node:test";
import { parseStream } from "../../src/config/load.ts";
import { Host } from "../../src/daemon/host.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLogger } from "../../src/runtime/log.ts";
import type { Logger } from "../../src/contracts/log.ts";
import type { Stream } from "../../src/pipeline/stream.ts";

/** A stream that runs until the test ends, or `stop` is called. */
export interface RunningStream {
  readonly stream: Stream;
  /** Ends it, and waits until everything is closed. */
  readonly stop: () => Promise<void>;
}

/** Starts a stream from a configuration as it stands in a file. */
export async function runStream(t: Pick<TestContext, "after">, config: Readonly<Record<string, unknown>>, options: { readonly allowAnonymous?: boolean; readonly log?: Logger } = {}): Promise<RunningStream> {
  const host = new Host({ clock: systemClock, log: options.log ?? silentLogger, baseDir: process.cwd(), dataDir: "/tmp", allowAnonymous: options.allowAnonymous ?? false });
  const stream = await host.prepare("gate", { config: parseStream("gate", config) });
  const ending = new AbortController();
  const running = stream.run(ending.signal).catch((error: unknown) => {
    if (!ending.signal.aborted) {
      throw error;
    }
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopped ??= (async () => {
      ending.abort();
      await running;
      await host[Symbol.asyncDispose]();
    })());
  t.after(stop);
  return { stream, stop };
}
