import { access, constants } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { dirname } from "node:path";
import { Command } from "commander";
import { demoModel } from "./demo.ts";
import { diagnose } from "./diagnosis.ts";
import { onInterrupt } from "./interrupt.ts";
import { usage } from "./report-error.ts";
import { measureMachine } from "./self-measurement.ts";
import { defaultDataDir } from "../daemon/data-dir.ts";
import { availableProviders } from "../engines/onnx/providers.ts";
import { VedetteError } from "../errors.ts";
import { probeAvailable } from "../media/index.ts";
import { defaultModelDir } from "../models/store.ts";
import { listen } from "../runtime/listen.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { Measurement, Pace } from "./self-measurement.ts";

interface DoctorFlags {
  readonly model?: string;
  readonly seconds: number;
  readonly measure: boolean;
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** One thing that was looked at. A warning stands in the way of something, not of everything. */
interface Check {
  readonly name: string;
  readonly state: "good" | "warning";
  readonly says: string;
}

/** What Vedette listens on unless told otherwise. */
const PORTS: readonly (readonly [port: number, use: string])[] = [
  [8080, "pages"],
  [8554, "RTSP"],
  [8089, "NVSS cameras"],
  [8090, "NVSS viewers"],
  [9000, "gRPC"],
];

/** `vedette doctor`: looks at this machine, measures it, names the bottleneck and the setting that would move it. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .summary("look at this machine, measure it, name the bottleneck")
    .description("Looks at this machine, measures it for a few seconds, and names the bottleneck and the setting that would move it.")
    .option("-m, --model <name|file>", "the network to measure with; the demo's when left out")
    .option("--seconds <n>", "how long each measurement takes", Number, 3)
    .option("--no-measure", "only look")
    .option("--data-dir <folder>", "where state is kept")
    .option("--json", "as JSON")
    .action(doctor);
}

async function doctor(flags: DoctorFlags): Promise<void> {
  if (!(flags.seconds > 0 && flags.seconds <= 60)) {
    throw usage("--seconds: expected a number from above 0 to 60");
  }
  using interrupt = onInterrupt();
  const { hwaccels, ...media } = probeAvailable();
  const providers = availableProviders();
  const cores = availableParallelism();
  const checks: Check[] = [
    ...machine(cores),
    mediaCheck(media, hwaccels),
    { name: "ONNX Runtime", state: "good", says: `runs on ${providers.join(", ")} (webgpu and tensorrt only when asked for)` },
    await folderCheck("model store", defaultModelDir()),
    await folderCheck("data folder", flags.dataDir ?? defaultDataDir()),
    ...(await Promise.all(PORTS.map(portCheck))),
  ];
  if (flags.json !== true) {
    checks.forEach(({ name, state, says }) => process.stdout.write(`${state === "good" ? "ok  " : "look"} ${name.padEnd(14)} ${says}\n`));
  }
  const measurement = flags.measure ? await measureMachine(flags.model ?? demoModel, flags.seconds, interrupt.signal) : undefined;
  const diagnosis = measurement === undefined ? undefined : diagnose(measurement, { cores, providers, hwaccels });
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ checks, measurement, diagnosis }, undefined, 2)}\n`);
  } else if (measurement !== undefined && diagnosis !== undefined) {
    process.stdout.write(describe(measurement, diagnosis));
  }
}

function machine(cores: number): Check[] {
  const free = freemem() / 2 ** 30;
  return [
    { name: "Node.js", state: "good", says: process.versions.node },
    { name: "processor", state: "good", says: `${cores} × ${cpus()[0]?.model.trim() ?? "unknown"} (${process.arch})` },
    { name: "memory", state: free < 0.5 ? "warning" : "good", says: `${free.toFixed(1)} of ${(totalmem() / 2 ** 30).toFixed(1)} GiB free` },
  ];
}

function mediaCheck(media: { readonly ffmpegVersion: string; readonly encoders: readonly string[]; readonly decoders: readonly string[] }, hwaccels: readonly string[]): Check {
  const encoders = ["libx264", "libx265"].filter((name) => media.encoders.includes(name));
  const says = `${media.ffmpegVersion}: ${media.decoders.length} video decoders; encodes by ${encoders.join(", ") || "hardware only"}; accelerators that open: ${hwaccels.join(", ") || "none"}`;
  return { name: "FFmpeg", state: encoders.length === 2 ? "good" : "warning", says };
}

/** Whether the folder, or the one that it would be made in, can be written. Nothing is made. */
async function folderCheck(name: string, folder: string): Promise<Check> {
  for (let place = folder; ; place = dirname(place)) {
    try {
      await access(place, constants.W_OK);
      return { name, state: "good", says: place === folder ? `${folder} is writable` : `${folder} will be made when it is needed` };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || place === dirname(place)) {
        return { name, state: "warning", says: `${folder} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})` };
      }
    }
  }
}

async function portCheck([port, use]: readonly [number, string]): Promise<Check> {
  const server = createServer();
  try {
    await listen(server, { host: "127.0.0.1", port });
    await new Promise((closed) => server.close(closed));
    return { name: `port ${port}`, state: "good", says: `free (${use})` };
  } catch (error) {
    if (!(error instanceof VedetteError)) {
      throw error;
    }
    return { name: `port ${port}`, state: "warning", says: `${error.message} (${use})` };
  }
}

function describe({ clip, encode, decode, motion, network }: Measurement, { bottleneck, reason, advice, cameras }: Diagnosis): string {
  const line = (name: string, { fps, cpuMsPerFrame }: Pace, note = ""): string =>
    `     ${name.padEnd(22)} ${fps.toFixed(0).padStart(5)} frames/s  ${cpuMsPerFrame.toFixed(1).padStart(6)} ms of processor a frame${note}\n`;
  return [
    `\nMeasured on ${clip}; whatever else runs now counts, too:\n`,
    line("draw and encode it", encode),
    line("decode", decode),
    line("decode, watch motion", motion),
    line("decode, run a network", network, `  (${network.by})`),
    `\nThe bottleneck is ${bottleneck}: ${reason}.\n`,
    `What would move it: ${advice}.\n`,
    `By that, about ${cameras} such camera${cameras === 1 ? "" : "s"} of 25 frames a second, 5 of them analysed, fit on this machine.\n`,
  ].join("");
}
