// One raw part of the main job, alone in a process: `node bench/parts.ts decode|scale|infer CLIP MODEL FRAMES`. Prints
// JSON: frames, seconds, processor seconds.
import { availableParallelism } from "node:os";
import { onnxEngine } from "../src/engines/onnx/index.ts";
import { createDecoder, createFrameReader, openMedia } from "../src/media/index.ts";
import { resolveModel } from "../src/models/resolve.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLogger } from "../src/runtime/log.ts";
import { interpreterModule } from "../src/tasks/interpreter.ts";
import { mediaTimeUs } from "../src/domain/time.ts";

const [part = "decode", clip = "", modelFile = "", count = "400"] = process.argv.slice(2);
const limit = Number(count);
const { signal } = new AbortController();
const model = await resolveModel(modelFile);
const pixels = new Uint8Array(new SharedArrayBuffer(model.input.width * model.input.height * 3));

async function decode(scales: boolean): Promise<number> {
  const session = await openMedia(clip, { isLive: false, signal, protocols: ["file"] });
  const index = session.tracks.findIndex((track) => track.kind === "video");
  const track = session.tracks[index];
  if (track?.kind !== "video") {
    throw new Error("no video");
  }
  await using decoder = await createDecoder(track, { log: silentLogger });
  await using reader = createFrameReader();
  let frames = 0;
  for await (const packet of session.packets) {
    if (packet.track !== index) {
      continue;
    }
    for (const frame of await decoder.decode(packet)) {
      if (scales) {
        await reader.toInput(frame, model.input, pixels);
      }
      frame[Symbol.dispose]();
      frames += 1;
    }
    if (frames >= limit) {
      break;
    }
  }
  await session[Symbol.asyncDispose]();
  return frames;
}

async function infer(): Promise<number> {
  const context = { stream: "bench", clock: systemClock, log: silentLogger, baseDir: ".", dataDir: ".", allowAnonymous: false };
  const config = onnxEngine.schema.parse({ kind: "onnx", executors: availableParallelism(), threads: 1, provider: "cpu" });
  await using engine = await onnxEngine.open(config, model, { module: interpreterModule, model }, context, signal);
  const { width, height } = model.input;
  const geometry = { sourceWidth: width, sourceHeight: height, inputWidth: width, inputHeight: height, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  const request = { pixels: { data: pixels, width, height, channels: 3 as const, geometry }, ptsUs: mediaTimeUs(0) };
  start();
  let left = limit;
  await Promise.all(
    Array.from({ length: engine.parallelism }, async () => {
      while (left-- > 0) {
        await engine.infer([request], signal);
      }
    }),
  );
  report(limit);
  return limit;
}

let startedMs = 0;
let startedCpu = process.cpuUsage();
function start(): void {
  startedMs = performance.now();
  startedCpu = process.cpuUsage();
}
function report(frames: number): void {
  const { user, system } = process.cpuUsage(startedCpu);
  console.log(JSON.stringify({ frames, seconds: (performance.now() - startedMs) / 1000, cpuSeconds: (user + system) / 1e6 }));
}

if (part === "infer") {
  await infer();
} else {
  start();
  report(await decode(part === "scale"));
}
