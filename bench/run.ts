// The main job beside its raw parts: how much of what the machine could do arrives at the user.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const call = promisify(execFile);
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Part {
  readonly frames: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface Summary {
  readonly frames: number;
  readonly elapsedS: number;
  readonly firstResultS: number;
  readonly process: { readonly cpuS: number; readonly startCpuS: number; readonly peakMemoryMb: number };
}

/** `npm run bench -- run [--frames N] [--rounds N] [--clip FILE]`. */
export async function run(args: readonly string[]): Promise<void> {
  const assets = process.env["VEDETTE_TEST_ASSETS"];
  if (assets === undefined) {
    console.error("needs VEDETTE_TEST_ASSETS (the folder of real models and clips)");
    process.exitCode = 2;
    return;
  }
  const option = (name: string, otherwise: string): string => args[args.indexOf(`--${name}`) + 1 || args.length] ?? otherwise;
  const frames = option("frames", "600");
  const rounds = Number(option("rounds", "3"));
  const model = join(assets, "models/yolox-nano/yolox_nano.onnx");
  const folder = await mkdtemp(join(tmpdir(), "vedette-bench-"));
  try {
    const clips = [
      ["person 768×432", join(assets, "media/intel-sample-videos/one-by-one-person-detection.mp4")],
      ["made 1280×720", await makeClip(folder, 1280, 720)],
      ["made 1920×1080", await makeClip(folder, 1920, 1080)],
    ] as const;
    console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? "?"}, ${availableParallelism()} cores, YOLOX-nano 416, ${frames} frames, median of ${rounds} rounds\n`);
    for (const [name, clip] of clips) {
      await measure(name, clip, model, frames, rounds, folder);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(name: string, clip: string, model: string, frames: string, rounds: number, folder: string): Promise<void> {
  const part = async (which: string): Promise<Part> => JSON.parse((await call(process.execPath, [here("parts.ts"), which, clip, model, frames])).stdout) as Part;
  const job = async (...to: string[]): Promise<Summary> => {
    const { stderr } = await call(process.execPath, [here("../bin/vedette.js"), "run", clip, "--model", model, "--engine", "onnx:cpu", "--limit-frames", frames, "--json", "--log-level", "error", ...to.flatMap((output) => ["--to", output])]);
    return (JSON.parse(stderr.trim().split("\n").at(-1) ?? "{}") as { summary: Summary }).summary;
  };
  const samples = { decode: [] as Part[], scale: [] as Part[], infer: [] as Part[], nothing: [] as Summary[], jsonl: [] as Summary[], mp4: [] as Summary[] };
  // Round by round, so that a slow minute of the machine touches every line alike.
  for (let round = 0; round < rounds; round++) {
    samples.decode.push(await part("decode"));
    samples.scale.push(await part("scale"));
    samples.infer.push(await part("infer"));
    samples.nothing.push(await job());
    samples.jsonl.push(await job(join(folder, "r.jsonl")));
    samples.mp4.push(await job(join(folder, "r.mp4")));
  }
  const fps = (of: readonly Part[]): number => median(of.map((sample) => sample.frames / sample.seconds));
  const cpu = (of: readonly Part[]): number => median(of.map((sample) => (sample.cpuSeconds / sample.frames) * 1000));
  const jobFps = (of: readonly Summary[]): number => median(of.map((sample) => sample.frames / sample.elapsedS));
  const jobCpu = (of: readonly Summary[]): number => median(of.map((sample) => ((sample.process.cpuS - sample.process.startCpuS) / sample.frames) * 1000));
  const parts = cpu(samples.scale) + cpu(samples.infer);
  const best = (1000 / parts) * availableParallelism();
  const row = (label: string, rate: number, cost: number, more = ""): void => console.log(`  ${label.padEnd(28)} ${rate.toFixed(1).padStart(8)} fps ${cost.toFixed(2).padStart(8)} ms CPU/frame  ${more}`);
  console.log(name);
  row("(a) decode", fps(samples.decode), cpu(samples.decode));
  row("(b) decode + scale", fps(samples.scale), cpu(samples.scale));
  row("(c) inference", fps(samples.infer), cpu(samples.infer));
  row("(d) run, to nothing", jobFps(samples.nothing), jobCpu(samples.nothing), `CPU ÷ (b + c) = ${(jobCpu(samples.nothing) / parts).toFixed(3)} (≤ 1.05); fps ÷ best of ${best.toFixed(1)} = ${(jobFps(samples.nothing) / best).toFixed(3)} (≥ 0.95)`);
  row("(d) run, to JSON lines", jobFps(samples.jsonl), jobCpu(samples.jsonl));
  row("(d) run, to MP4", jobFps(samples.mp4), jobCpu(samples.mp4));
  console.log(`  peak memory ${Math.max(...samples.nothing.map((sample) => sample.process.peakMemoryMb)).toFixed(0)} MB to nothing, ${Math.max(...samples.mp4.map((sample) => sample.process.peakMemoryMb)).toFixed(0)} MB to MP4; first result after ${median(samples.nothing.map((sample) => sample.firstResultS)).toFixed(2)} s`);
  const python = "/usr/bin/python3";
  if (existsSync("/usr/lib/python3/dist-packages/cv2.cpython-311-x86_64-linux-gnu.so")) {
    const loop = JSON.parse((await call(python, [here("../test/support/opencv_loop.py"), clip, model, "150"])).stdout) as Part;
    row("plain OpenCV-DNN loop", loop.frames / loop.seconds, NaN, `ours is ${(jobFps(samples.nothing) / (loop.frames / loop.seconds)).toFixed(1)} × as fast`);
  }
  console.log("");
}

/** Thirty seconds of moving test picture with some noise, as a camera's encoder would send it. */
async function makeClip(folder: string, width: number, height: number): Promise<string> {
  const file = join(folder, `${height}p.mp4`);
  const source = `testsrc2=size=${width}x${height}:rate=30:duration=25,noise=alls=6:allf=t`;
  await call("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "veryfast", "-b:v", height > 800 ? "5M" : "2500k", "-pix_fmt", "yuv420p", file]);
  return file;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
