// The batcher on a simulated engine (20 ms + 1 ms per item): throughput beside batches of one, and behaviour under load.
import { systemClock } from "../src/runtime/clock.ts";
import { Batcher } from "../src/runtime/batcher.ts";
import { closedLoop, feed, percentile, simulatedEngine } from "../test/support/simulated-engine.ts";

const MAX_AGE_MS = 200;

function batcher(batchSizes: readonly number[]): Batcher<number, number> {
  return new Batcher({ clock: systemClock, batchSizes, maxDelayMs: 5, parallelism: 1, run: simulatedEngine(systemClock) });
}

/** `npm run bench -- batch [SECONDS]` */
export async function run(args: readonly string[]): Promise<void> {
  const durationMs = Number(args[0] ?? "3") * 1000;
  const rows: Record<string, string | number>[] = [];

  await using alone = batcher([1]);
  const aloneFps = await closedLoop(systemClock, alone, 8, durationMs);
  await using together = batcher([1, 2, 4, 8]);
  const togetherFps = await closedLoop(systemClock, together, 8, durationMs);
  rows.push({ case: "8 streams, batch 1", value: `${aloneFps.toFixed(0)} items/s`, target: "" });
  rows.push({ case: "8 streams, batch ≤ 8", value: `${togetherFps.toFixed(0)} items/s`, target: "" });
  rows.push({ case: "throughput against batch 1", value: `${(togetherFps / aloneFps).toFixed(2)} ×`, target: "≥ 5 ×" });

  await using steady = batcher([1, 2, 4, 8]);
  const camera = { maxAgeMs: MAX_AGE_MS, capacity: 2, whenFull: "drop_oldest", periodMs: 40 } as const;
  const calm = await feed(systemClock, steady, Array.from({ length: 8 }, () => camera), durationMs);
  rows.push({ case: "8 streams at 25 fps: p95 age", value: `${p95(calm).toFixed(0)} ms`, target: `≤ ${MAX_AGE_MS} ms` });
  rows.push({ case: "8 streams at 25 fps: dropped", value: calm.reduce((sum, stream) => sum + stream.dropped, 0), target: "" });

  await using loaded = batcher([1, 2, 4, 8]);
  // 8 items take 28 ms: 285 a second. 24 streams of 36 fps are three times that.
  const crowd = Array.from({ length: 24 }, (_, i) => ({ ...camera, periodMs: 28, minFps: i < 4 ? 8 : 2, priority: i < 4 ? 0 : 1 }));
  const overload = await feed(systemClock, loaded, crowd, durationMs);
  const share = Math.min(...overload.map((stream, i) => (stream.done * 1000) / durationMs / (crowd[i]?.minFps ?? 1)));
  rows.push({ case: "3× overload: p95 age", value: `${p95(overload).toFixed(0)} ms`, target: `≤ ${MAX_AGE_MS + 28} ms` });
  rows.push({ case: "3× overload: least share of minFps", value: `${(share * 100).toFixed(0)} %`, target: "≥ 100 %" });
  const doneFps = (overload.reduce((sum, stream) => sum + stream.done, 0) * 1000) / durationMs;
  rows.push({ case: "3× overload: throughput", value: `${doneFps.toFixed(0)} items/s`, target: "" });
  console.table(rows);
}

function p95(streams: readonly { readonly agesMs: readonly number[] }[]): number {
  return percentile(
    streams.flatMap((stream) => stream.agesMs),
    0.95,
  );
}

if (import.meta.main) {
  await run(process.argv.slice(2));
}
