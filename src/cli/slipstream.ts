import { Command } from "commander";
import { INTERRUPTED, onInterrupt } from "./interrupt.ts";
import { commonOptions, createHost } from "./host-options.ts";
import { parseSlipstreamEnvironment, slipstreamStartLines } from "./slipstream-environment.ts";
import { parseStream } from "../config/load.ts";
import { counterLine, createCounterOverlay } from "../drawing/counter-line.ts";
import { createOverlay } from "../drawing/overlay.ts";
import { Mosaic } from "../pipeline/mosaic.ts";
import { systemClock } from "../runtime/clock.ts";
import type { CommonFlags } from "./host-options.ts";
import type { SlipstreamJob } from "./slipstream-environment.ts";
import type { Host } from "../daemon/host.ts";
import type { Stream } from "../pipeline/stream.ts";

interface SlipstreamFlags extends CommonFlags {
  readonly model: string;
  readonly host: string;
  readonly fps: number;
}

/** `vedette slipstream`: slipstream's job, by its own environment variables. */
export function slipstreamCommand(): Command {
  const command = new Command("slipstream")
    .summary("slipstream's job: RTSP in, detections drawn, RTSP out")
    .description(
      "Does what slipstream did, by its own environment: RTSPINPUT (addresses separated by commas), RTSPOUTPUTPORTNUM, RTSPOUTPUTPATH, CODEC, BITRATE, SHOW_FRAMES, OUTPUT_WIDTH, OUTPUT_HEIGHT. " +
        "Each input is analysed by itself; all are shown as tiles of one picture.",
    )
    .option("-m, --model <name|file>", "the detector", process.env["MODEL"] ?? "yolox-s-int8")
    .option("--host <address>", "address the RTSP server listens on; others than loopback need --allow-anonymous", "127.0.0.1")
    .option("--fps <n>", "pictures a second of the tiled output", Number, 25);
  return commonOptions(command).action(run);
}

async function run(flags: SlipstreamFlags): Promise<void> {
  const job = parseSlipstreamEnvironment(process.env);
  using interrupt = onInterrupt();
  await using host = createHost({ ...flags, isDaemon: true });
  const mosaic = new Mosaic({ inputs: job.inputs.length, width: even(job.width), height: even(job.height), fps: flags.fps, clock: systemClock });
  const inputs = await Promise.all(job.inputs.map((input, index) => prepareInput(host, mosaic, input, index, flags, interrupt.signal)));
  const output = await host.prepare("slipstream", {
    source: mosaic,
    config: parseStream("slipstream", {
      source: "scene:street",
      encode: { codec: job.codec.toLowerCase(), bitrate: job.bitrateBps },
      outputs: [{ kind: "rtsp", host: flags.host, port: job.port, path: job.path }],
    }),
    drawers: [],
  });
  process.stdout.write(`${slipstreamStartLines(job).join("\n")}\n`);
  const stop = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, stop.signal]);
  try {
    await Promise.all([output.run(signal), ...inputs.map((stream) => runInput(stream, job, signal))]);
  } catch (error) {
    process.stderr.write("*** ERROR: main event loop exited!\n");
    throw error;
  } finally {
    stop.abort();
  }
  if (interrupt.signal.aborted) {
    process.exitCode = INTERRUPTED;
  }
}

function prepareInput(host: Host, mosaic: Mosaic, input: string, index: number, flags: SlipstreamFlags, signal: AbortSignal): Promise<Stream> {
  const name = `input${index}`;
  const sink = mosaic.sinks[index];
  return host.prepare(
    name,
    {
      config: parseStream(name, { source: input, analyse: { model: flags.model } }),
      drawers: [createOverlay(), createCounterOverlay("1.1")],
      ...(sink === undefined ? {} : { pictureSink: sink }),
    },
    signal,
  );
}

async function runInput(stream: Stream, job: SlipstreamJob, signal: AbortSignal): Promise<void> {
  const printing = job.showFrames ? printFrames(stream) : undefined;
  await stream.run(signal);
  await printing;
}

/** slipstream's line for every analysed frame; a reader too slow for them loses lines, never the stream its pace. */
async function printFrames(stream: Stream): Promise<void> {
  const { signal } = new AbortController();
  for await (const result of stream.taps.results({ whenSlow: "skip", capacity: 64, signal })) {
    process.stdout.write(`${counterLine(result, result.seq, "1.1")}\n`);
  }
}

/** Chroma is halved: odd sizes lose a pixel. */
function even(size: number): number {
  return size - (size % 2);
}
