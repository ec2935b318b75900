import { setTimeout as pause } from "node:timers/promises";
import { Command, Option } from "commander";
import { createHost } from "./host-options.ts";
import { INTERRUPTED, onInterrupt } from "./interrupt.ts";
import { OVMS_MESSAGES, ovmsLine } from "./ovms-lines.ts";
import { usage } from "./report-error.ts";
import { parseStream } from "../config/load.ts";
import { toVedetteError } from "../errors.ts";
import { redactText, redactUrl } from "../runtime/redact.ts";
import { createPersonVehicleBikeDrawer, PERSON_VEHICLE_BIKE } from "../use-cases/person-vehicle-bike.ts";
import type { CommonFlags } from "./host-options.ts";
import type { OvmsLogger } from "./ovms-lines.ts";
import type { StreamRequest } from "../daemon/stream-request.ts";
import type { Stream } from "../pipeline/stream.ts";

/** The application's own flags: words joined by `_`, as commander keeps them. */
interface AnalyseFlags {
  readonly stream_url: string;
  readonly ovms_url: string;
  readonly model_name: string;
  readonly model_version: number;
  readonly visualizer_port?: number;
  readonly visualizer_host: string;
  readonly binary_input?: boolean;
  readonly inference_executors: number;
  readonly buffer_size: number;
  readonly log_level: string;
  readonly use_case?: string;
}

const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;
type Level = (typeof LEVELS)[number];
type Say = (logger: OvmsLogger, level: Level, message: string) => void;

/** `vedette analyse`: what OpenVINO Model Server's real_time_stream_analysis.py does, by its own flags and log lines. */
export function analyseCommand(): Command {
  return new Command("analyse")
    .summary("OVMS's stream analysis, by its own flags")
    .description("Client for real time video stream analysis: does what OpenVINO Model Server's real_time_stream_analysis.py did, by its flags and its log lines.")
    .requiredOption("--stream_url <url>", "the stream, such as rtsp://localhost:8888/stream")
    .requiredOption("--ovms_url <host:port>", "gRPC address of the model server")
    .requiredOption("--model_name <name>", "name of the model on it")
    .option("--model_version <n>", "its version; 0: the latest", Number, 0)
    .option("--visualizer_port <n>", "where viewers find the annotated picture; 0 or left out: nowhere", Number)
    .option("--visualizer_host <address>", "address it listens on; others than loopback need --allow-anonymous", "127.0.0.1")
    .option("--binary_input", "send JPEGs instead of arrays")
    .option("--inference_executors <n>", "requests in parallel", Number, 4)
    .option("--buffer_size <n>", "frames that may wait", Number, 100)
    .option("--log_level <level>", "DEBUG, INFO, WARNING or ERROR", "INFO")
    .option("--use_case <file>", "your own use case (.ts or .js) instead of PersonVehicleBikeDetection")
    .option("--data-dir <folder>", "where state is kept")
    .option("--allow-anonymous", "let the visualizer be seen from elsewhere without credentials")
    .addOption(new Option("--log-format <format>").choices(["text", "json"]).default("text").hideHelp())
    .action(analyse);
}

async function analyse(flags: AnalyseFlags & Pick<CommonFlags, "allowAnonymous" | "dataDir" | "logFormat">): Promise<void> {
  using interrupt = onInterrupt();
  const least = LEVELS.findIndex((level) => level === flags.log_level.toUpperCase());
  if (least < 0) {
    throw usage(`--log_level: expected ${LEVELS.join(", ")}, got ${JSON.stringify(flags.log_level)}`);
  }
  const say: Say = (logger, level, message) => {
    if (LEVELS.indexOf(level) >= least) {
      process.stderr.write(`${ovmsLine(new Date(), logger, level, redactText(message))}\n`);
    }
  };
  await using host = createHost({ ...flags, logLevel: "warn" });
  sayStart(flags, say);
  let stream: Stream;
  try {
    stream = await host.prepare("analyse", requestOf(flags), interrupt.signal);
  } catch (error) {
    const known = toVedetteError(error);
    if (known.code.startsWith("E_ENGINE_")) {
      say("Inference-Executor-0", "ERROR", OVMS_MESSAGES.connectFailed(known.message));
    }
    throw known;
  }
  say("inference_manager", "INFO", OVMS_MESSAGES.managerStarted);
  const done = new AbortController();
  const reporting = report(stream, say, done.signal);
  try {
    await stream.run(interrupt.signal);
  } catch (error) {
    if (stream.snapshot().frames === 0) {
      say("stream_reader", "ERROR", OVMS_MESSAGES.readerFailed);
    }
    throw error;
  } finally {
    done.abort();
    await reporting;
    sayEnd(flags, say);
  }
  if (interrupt.signal.aborted) {
    process.exitCode = INTERRUPTED;
  }
}

/** The application's words as a stream: arrays go as they come from the camera, BGR and 0…255; JPEGs are scaled by the server. */
function requestOf(flags: AnalyseFlags): StreamRequest {
  const { visualizer_port: port = 0, use_case: useCase } = flags;
  const config = parseStream("analyse", {
    source: flags.stream_url,
    analyse: {
      model: flags.model_name,
      engine: {
        kind: "tfserving",
        addresses: [flags.ovms_url],
        model: flags.model_name,
        version: flags.model_version === 0 ? "" : String(flags.model_version),
        binaryInput: flags.binary_input === true,
        executors: flags.inference_executors,
      },
      ...(useCase === undefined ? {} : { useCase }),
    },
    buffer: { frames: flags.buffer_size, drop: "newest" },
    outputs: port === 0 ? [] : [{ kind: "http", host: flags.visualizer_host, port }],
  });
  const model: StreamRequest["model"] = { task: "detect", family: "ssd", labels: [...PERSON_VEHICLE_BIKE], threshold: 0.75, input: { fit: "none", color: "BGR", layout: "NHWC", normalise: "0..255" } };
  return { config, model, ...(useCase === undefined ? { drawers: [createPersonVehicleBikeDrawer()] } : {}) };
}

/** Every 100 frames what the application says: frames of that stretch, whole frames a second, and how many were dropped. */
async function report(stream: Stream, say: Say, signal: AbortSignal): Promise<void> {
  let before = { frames: 0, analysed: 0, dropped: 0, ms: performance.now() };
  while (!signal.aborted) {
    await pause(20, undefined, { signal }).catch(() => undefined);
    const { frames, analysed, dropped } = stream.snapshot();
    const received = frames - before.frames;
    if (received < 100) {
      continue;
    }
    const { reader_slow: _viewers, ...lost } = dropped;
    const now = { frames, analysed, dropped: Object.values(lost).reduce((sum, count) => sum + count, 0), ms: performance.now() };
    const newlyDropped = now.dropped - before.dropped;
    if (newlyDropped > received / 2) {
      say("stream_analyzer", "WARNING", OVMS_MESSAGES.droppingMost(received));
    }
    say("stream_analyzer", "INFO", OVMS_MESSAGES.performance(received, ((analysed - before.analysed) * 1000) / (now.ms - before.ms), newlyDropped));
    before = now;
  }
}

function sayStart(flags: AnalyseFlags, say: Say): void {
  const main = (message: string): void => say("__main__", "INFO", message);
  say("stream_reader", "INFO", OVMS_MESSAGES.readerStarting(redactUrl(flags.stream_url)));
  main(OVMS_MESSAGES.endpoint(flags.ovms_url, flags.model_name, flags.model_version));
  main(OVMS_MESSAGES.inputBuffer(flags.buffer_size));
  if (flags.binary_input === true) {
    main(OVMS_MESSAGES.binaryInput);
  }
  main(OVMS_MESSAGES.executors(flags.inference_executors));
  if ((flags.visualizer_port ?? 0) > 0) {
    main(OVMS_MESSAGES.visualizerBuffer(flags.buffer_size));
  }
  say("io_processor", "INFO", OVMS_MESSAGES.ioStarting);
  say("io_processor", "INFO", OVMS_MESSAGES.ioStarted);
  say("stream_analyzer", "INFO", OVMS_MESSAGES.analyzerStarting);
  say("inference_manager", "INFO", OVMS_MESSAGES.managerStarting);
  say("inference_manager", "INFO", OVMS_MESSAGES.executorsStarting);
}

function sayEnd(flags: AnalyseFlags, say: Say): void {
  say("stream_analyzer", "INFO", OVMS_MESSAGES.analyzerStopping);
  say("inference_manager", "INFO", OVMS_MESSAGES.managerStopping);
  say("inference_manager", "INFO", OVMS_MESSAGES.executorsStopping);
  for (let id = 0; id < flags.inference_executors; id++) {
    say(`Inference-Executor-${id}`, "INFO", OVMS_MESSAGES.executorStopped(id));
  }
  say("inference_manager", "INFO", OVMS_MESSAGES.executorsStopped);
  say("inference_manager", "INFO", OVMS_MESSAGES.managerStopped);
  say("stream_analyzer", "INFO", OVMS_MESSAGES.analyzerStopped);
}
