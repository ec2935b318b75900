// Our own detections of a clip: decoder, YOLOX-nano in our engine, and the looks of people by person-reid-0288.
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KindContext } from "../src/contracts/kinds.ts";
import type { Engine } from "../src/contracts/engine.ts";
import type { FrameReader, VideoFrame } from "../src/contracts/frame.ts";
import type { Detection } from "../src/domain/result.ts";
import type { MediaTimeUs } from "../src/domain/time.ts";
import { onnxEngine } from "../src/engines/onnx/index.ts";
import { createDecoder, createFrameReader, openMedia } from "../src/media/index.ts";
import { resolveModel } from "../src/models/resolve.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLogger } from "../src/runtime/log.ts";
import { createInterpreter, interpreterModule } from "../src/tasks/interpreter.ts";
import { CropEmbedder } from "../src/trackers/crop-embedder.ts";

/** What was found in one frame. */
export interface DetectedFrame {
  readonly ptsUs: MediaTimeUs;
  readonly detections: readonly Detection[];
}

const DETECTOR = "models/yolox-nano/yolox_nano.onnx";
const REID = "models/person-reid-0288/person-reidentification-retail-0288.onnx";

/** Every frame of a clip in the assets folder. */
export async function detectClip(assets: string, clip: string, options: { readonly threshold: number; readonly withLooks: boolean }): Promise<readonly DetectedFrame[]> {
  const signal = new AbortController().signal;
  await using session = await openMedia(join(assets, clip), { isLive: false, protocols: ["file"], signal });
  const index = session.tracks.findIndex(({ kind }) => kind === "video");
  const track = session.tracks[index];
  if (track?.kind !== "video") {
    throw new Error(`${clip} has no video`);
  }
  await using decoder = await createDecoder(track, { log: silentLogger });
  await using reader = createFrameReader();
  await using detector = await openEngine(join(assets, DETECTOR), { threshold: options.threshold });
  await using reid = options.withLooks ? await openEngine(join(assets, REID), {}) : undefined;
  const embedder = reid === undefined ? undefined : new CropEmbedder(reid, reader, { classes: ["person"] });
  const found: DetectedFrame[] = [];
  const look = async (frames: VideoFrame[]): Promise<void> => {
    for (const each of frames) {
      using frame = each;
      const detections = await detect(frame, detector, reader, signal);
      found.push({ ptsUs: frame.ptsUs, detections: embedder === undefined ? detections : await embedder.embed(frame, detections, signal) });
    }
  };
  for await (const packet of session.packets) {
    if (packet.track === index) {
      await look(await decoder.decode(packet));
    }
  }
  await look(await decoder.flush());
  return found;
}

async function openEngine(file: string, flags: Parameters<typeof resolveModel>[1]): Promise<Engine> {
  const model = await resolveModel(file, flags);
  createInterpreter(model);
  const context: KindContext = { stream: "bench", clock: systemClock, log: silentLogger, baseDir: tmpdir(), dataDir: tmpdir(), allowAnonymous: false };
  return onnxEngine.open(onnxEngine.schema.parse({ kind: "onnx" }), model, { module: interpreterModule, model }, context, new AbortController().signal);
}

async function detect(frame: VideoFrame, engine: Engine, reader: FrameReader, signal: AbortSignal): Promise<readonly Detection[]> {
  const { width, height } = engine.input;
  const into = new Uint8Array(new SharedArrayBuffer(width * height * 3));
  const pixels = await reader.toInput(frame, engine.input, into);
  const [reply] = await engine.infer([{ pixels, ptsUs: frame.ptsUs }], signal);
  return reply?.finding.detections ?? [];
}
