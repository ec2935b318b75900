import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStream } from "../config/load.ts";
import { Host } from "../daemon/host.ts";
import { systemClock } from "../runtime/clock.ts";
import { silentLogger } from "../runtime/log.ts";
import type { StreamRequest } from "../daemon/stream-request.ts";
import type { Timings } from "../domain/result.ts";

/** How fast one kind of work goes here. */
export interface Pace {
  readonly fps: number;
  /** Processor time of the whole process per frame, in milliseconds. */
  readonly cpuMsPerFrame: number;
  /** Mean milliseconds per stage and frame. */
  readonly meanMs: Timings;
  /** What computed. */
  readonly by: string;
}

/** What {@link measureMachine} found. */
export interface Measurement {
  /** What was measured on, for people. */
  readonly clip: string;
  /** Drawing the clip and encoding it. */
  readonly encode: Pace;
  readonly decode: Pace;
  readonly motion: Pace;
  readonly network: Pace;
}

const CLIP = { width: 1280, height: 720, frames: 100 };

/** Decodes, watches for motion and runs a network, `seconds` each, on a clip that is drawn for it and removed again. */
export async function measureMachine(model: string, seconds: number, signal: AbortSignal): Promise<Measurement> {
  const folder = await mkdtemp(join(tmpdir(), "vedette-doctor-"));
  try {
    const clip = join(folder, "street.mp4");
    const address = `scene:street?realtime=0&frames=${CLIP.frames}&size=${CLIP.width}x${CLIP.height}`;
    const encode = await pace({ config: parseStream("doctor", { source: address, outputs: [clip] }) }, 60, signal);
    const watched = (analyse: object | undefined): StreamRequest => ({
      config: parseStream("doctor", { source: { kind: "file", path: clip, loop: true }, analyse }),
    });
    return {
      clip: `the drawn street, ${CLIP.width}×${CLIP.height}, H.264`,
      encode,
      decode: await pace(watched(undefined), seconds, signal),
      motion: await pace(watched({ useCase: "motion" }), seconds, signal),
      network: await pace(watched({ model }), seconds, signal),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs one stream for so many seconds, or to its end. */
async function pace(request: StreamRequest, seconds: number, signal: AbortSignal): Promise<Pace> {
  await using host = new Host({ clock: systemClock, log: silentLogger, baseDir: ".", dataDir: ".", allowAnonymous: false });
  const stream = await host.prepare("doctor", request, signal);
  const enough = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  const startMs = systemClock.monotonicMs();
  const startCpu = process.cpuUsage();
  const { frames, meanMs } = await stream.run(enough);
  const { user, system } = process.cpuUsage(startCpu);
  signal.throwIfAborted();
  const elapsedS = (systemClock.monotonicMs() - startMs) / 1000;
  return {
    fps: frames / elapsedS,
    cpuMsPerFrame: (user + system) / 1000 / Math.max(1, frames),
    meanMs,
    by: host.describe("doctor").split(" → ")[1] ?? "",
  };
}
