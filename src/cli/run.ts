import { Command, Option } from "commander";
import { commonOptions } from "./host-options.ts";
import { runStream } from "./run-stream.ts";
import { streamFromFlags } from "./stream-flags.ts";
import type { CommonFlags } from "./host-options.ts";
import type { StreamFlags } from "./stream-flags.ts";

/** `vedette run SOURCE`: one stream in the foreground. */
export function runCommand(): Command {
  const command = new Command("run")
    .summary("analyse one stream in the foreground")
    .description("Analyses one stream in the foreground: a file, a camera, a generated scene.")
    .argument("<source>", "a path, rtsp://…, http(s)://…, device:0, nvss://0.0.0.0:8089, scene:street, test:bars, …")
    .option("-m, --model <name|file>", "catalogue name, weights (.onnx) or manifest (.yaml)")
    .option("--task <task>", "classify, detect, segment, pose, embed or image")
    .option("--family <family>", "how to read the outputs: yolox, yolo, ssd, softmax, …")
    .option("--labels <file>", "a built-in set (coco, voc) or a file with one label a line")
    .option("--threshold <n>", "lowest score reported, 0…1", Number)
    .option("--input-size <WxH>", "size of the network's input, where its file leaves it open")
    .option("--layout <order>", "NCHW or NHWC, where its file leaves it open")
    .option("--color <order>", "channels the network wants: RGB, BGR, GRAY")
    .option("--normalise <range>", "numbers the network wants for black to white: 0..255, 0..1, -1..1, imagenet")
    .option("--fit <how>", "how pictures fill its input: stretch, letterbox, crop")
    .option("--use-case <name|file>", "passthrough, invert, edges, motion, or your own .ts or .js file")
    .option("--gate <kind>", "analyse only frames in which something moves: motion")
    .option("--engine <engine>", "onnx, or a server: kserve+grpc://H:P, kserve+http://H:P, tfserving+grpc://H:P, torchserve+http://H:P", "onnx")
    .option("--engine-model <name>", "what the model is called on the server, where it differs")
    .option("--engine-token-env <name>", "environment variable with the server's bearer token")
    .option("--client-batch <n>", "frames in one request to TorchServe", Number)
    .option("--fallback <engine>", "takes over while the engine cannot be reached: onnx")
    .option("--fallback-after <ms>", "how long a frame waits before that", Number)
    .option("--shadow <engine>", "a second engine sees the same frames; how it differs is reported")
    .option("--shadow-model <name|file>", "its model, where it differs")
    .option("--binary-input", "send JPEGs to the model server instead of tensors")
    .option("--executors <n>", "frames in parallel", Number)
    .option("--batch <n>", "most frames per call of the model", Number)
    .option("--max-batch-delay <ms>", "longest wait for a batch to fill", Number)
    .option("--buffer <n>", "decoded frames that may wait (live sources)", Number)
    .addOption(new Option("--drop <which>", "what a full buffer loses").choices(["oldest", "newest", "none"]))
    .option("--fps <n>", "analyse at most this many frames a second", Number)
    .option("--max-age <ms>", "do not analyse live frames older than this", Number)
    .option("--hwaccel <name>", "auto, none, cuda, vaapi, videotoolbox, …", "none")
    .option("--track [kind]", "give objects identities: bytetrack (default), sort")
    .option("--line <name=x1,y1,x2,y2>", "count who crosses (repeatable)", collect, [])
    .option("--zone <name=x,y;x,y;x,y…>", "who enters, leaves, waits (repeatable)", collect, [])
    .option("-o, --to <output>", "FILE.mp4, FILE.mkv, FILE.jsonl, -, http://HOST:PORT, rtsp://HOST:PORT/PATH, … (repeatable)", collect, [])
    .option("--clips <folder>", "record a clip around every event")
    .option("--pre-roll <s>", "seconds of a clip before the event", Number)
    .option("--post-roll <s>", "seconds of a clip after the event", Number)
    .option("--record <folder>", "record without a break, in files of five minutes")
    .addOption(new Option("--view <view>", "which picture the outputs show").choices(["original", "annotated"]))
    .addOption(new Option("--codec <codec>", "codec of the annotated view").choices(["h264", "h265"]))
    .option("--bitrate <rate>", "bits per second of the annotated view: 4M")
    .option("--quality <n>", "1…100: of the annotated view without a bitrate, of JPEGs", Number)
    .option("--max-rate <rate>", "budget of an NVSS output: 1MiB/s")
    .option("--size <WxH>", "size of the annotated view, or asked of a camera")
    .option("--limit-frames <n>", "stop after this many frames", Number)
    .option("--loop", "read the file again and again")
    .option("--realtime", "read the file at its own speed")
    .option("--json", "print a summary as JSON on stderr at the end");
  return commonOptions(command).action(run);
}

/** What the only stream of `vedette run` is called. */
const STREAM = "main";

/** The flags of `vedette run`. */
export type RunFlags = StreamFlags & CommonFlags & { readonly json?: boolean };

async function run(source: string, flags: RunFlags): Promise<void> {
  await runStream(STREAM, flags, streamFromFlags(STREAM, source, flags));
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
