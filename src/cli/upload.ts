import { Command, Option } from "commander";
import { commonOptions, createHost } from "./host-options.ts";
import type { CommonFlags } from "./host-options.ts";
import { INTERRUPTED, onInterrupt } from "./interrupt.ts";
import { LiveLine } from "./live-line.ts";
import { usage } from "./report-error.ts";
import { uploadRequest } from "../daemon/upload-request.ts";
import { systemClock } from "../runtime/clock.ts";

/** `vedette upload SOURCE STREAM`: Kinesis Video Streams producer. */
export function uploadCommand(): Command {
  const command = new Command("upload")
    .summary("upload a source to Amazon Kinesis Video Streams")
    .description("Uploads a source to Amazon Kinesis Video Streams: H.264 and H.265 as they are, other pictures encoded. Credentials come from the AWS default chain.")
    .argument("<source>", "a path, rtsp://…, device:0, deeplens:, kvs://STREAM, …")
    .argument("<stream>", "name of the Kinesis video stream")
    .option("--duration <seconds>", "stop after so long", Number)
    .option("--loop", "read the file again and again")
    .option("--region <region>", "AWS region; AWS_REGION or the profile's when left out, else us-east-1")
    .option("--endpoint <url>", "control plane, for private endpoints and test servers (AWS_ENDPOINT_URL_KINESIS_VIDEO)")
    .option("--create", "create the stream when it is not there")
    .option("--retention <hours>", "of a stream that is created", Number)
    .option("--spool <folder>", "keep what is not stored yet on disk: survives a network that is away for hours, and a restart")
    .option("--catch-up <n>", "upload what was kept at most at so many times real time", Number)
    .option("--tag <name=value>", "metadata of every fragment (repeatable)", collect, [])
    .addOption(new Option("--reencode <when>", "streams that the service cannot take (B-frames, MJPEG)").choices(["auto", "never"]))
    .addOption(new Option("--codec <codec>", "where pictures are encoded").choices(["h264", "h265"]))
    .option("--bitrate <rate>", "where pictures are encoded: 2M")
    .option("--gop <frames>", "where pictures are encoded: frames from keyframe to keyframe", Number)
    .option("--size <WxH>", "asked of a camera, and where pictures are encoded")
    .option("--fps <n>", "asked of a camera", Number)
    .option("--hwaccel <name>", "where pictures are encoded: auto, none, cuda, vaapi, …", "none");
  return commonOptions(command).action(upload);
}

/** The flags of `vedette upload`. */
export interface UploadFlags extends CommonFlags {
  readonly duration?: number;
  readonly loop?: boolean;
  readonly region?: string;
  readonly endpoint?: string;
  readonly create?: boolean;
  readonly retention?: number;
  readonly spool?: string;
  readonly catchUp?: number;
  readonly tag: readonly string[];
  readonly reencode?: "auto" | "never";
  readonly codec?: "h264" | "h265";
  readonly bitrate?: string;
  readonly gop?: number;
  readonly size?: string;
  readonly fps?: number;
  readonly hwaccel: string;
}

const STREAM = "upload";

async function upload(source: string, stream: string, flags: UploadFlags): Promise<void> {
  const { duration } = flags;
  if (duration !== undefined && !(duration > 0)) {
    throw usage("--duration: expected a number of seconds above 0");
  }
  using interrupt = onInterrupt();
  await using host = createHost(flags);
  const running = await host.prepare(STREAM, requestFrom(source, stream, flags), interrupt.signal);
  const over = new AbortController();
  using _timer = duration === undefined ? undefined : systemClock.timer(duration * 1000, () => over.abort());
  const live = flags.quiet === true ? undefined : new LiveLine(() => [running.snapshot()]);
  live?.note(`${host.describe(STREAM)}\n${duration === undefined ? "Streaming indefinitely" : `Streaming stops in ${duration}s`}`);
  interrupt.signal.addEventListener("abort", () => live?.note("Interrupted: what was read is stored first; once more leaves at once"), { once: true });
  try {
    await running.run(AbortSignal.any([interrupt.signal, over.signal]));
  } finally {
    live?.[Symbol.dispose]();
  }
  if (flags.quiet !== true) {
    process.stderr.write(`kvs://${stream}: everything is stored\n`);
  }
  if (interrupt.signal.aborted) {
    process.exitCode = INTERRUPTED;
  }
}

function requestFrom(source: string, stream: string, flags: UploadFlags): ReturnType<typeof uploadRequest> {
  const { region, endpoint, create, retention, spool, catchUp, reencode, tag, codec, bitrate, gop, size, fps, loop, hwaccel } = flags;
  const tags = Object.fromEntries(
    tag.map((pair) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (name === undefined) {
        throw usage(`--tag ${pair}: expected NAME=VALUE`);
      }
      return [name, value ?? ""];
    }),
  );
  return uploadRequest(STREAM, {
    source,
    kvs: given({ stream, region, endpoint, create, retentionHours: retention, spool, catchUp, reencode, tags }),
    encode: given({ codec, bitrate, gop, size }),
    size,
    fps,
    loop,
    hwaccel,
  });
}

function given(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
