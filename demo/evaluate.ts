// Measures the demo's network on streets it has never seen, through Vedette's own engine, tracker and rules:
//   node demo/evaluate.ts                  mAP@0.5 over held-out seeds, then line crossings over five minutes (nine whole cycles of the lights)
//   node demo/evaluate.ts --part map --seeds 1-12 --frames 20
//   node demo/evaluate.ts --part count --seed 1 --seconds 306 --fps 10 [--detections truth]
import { parseArgs } from "node:util";
import { availableParallelism } from "node:os";
import type { Engine } from "../src/contracts/engine.ts";
import type { Detection } from "../src/domain/result.ts";
import { mediaTimeUs, wallTimeMs } from "../src/domain/time.ts";
import { onnxEngine } from "../src/engines/onnx/index.ts";
import { createFrameReader, frameFromPicture } from "../src/media/index.ts";
import { resolveModel } from "../src/models/resolve.ts";
import { lineRule } from "../src/rules/line/index.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLogger } from "../src/runtime/log.ts";
import { demoDefaults } from "../src/sources/scene/demo-defaults.ts";
import { createRandom } from "../src/sources/scene/random.ts";
import { Scene, type SceneFrame } from "../src/sources/scene/scene.ts";
import { isExpected, STREET_LABELS, type Truth } from "../src/sources/scene/truth.ts";
import { interpreterModule } from "../src/tasks/interpreter.ts";
import { bytetrackTracker } from "../src/trackers/bytetrack/index.ts";
import { averagePrecision, type Judged } from "./average-precision.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: new URL("assets/street.yaml", import.meta.url).pathname },
    part: { type: "string", default: "both" },
    seeds: { type: "string", default: "1-12" },
    frames: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "306" },
    fps: { type: "string", default: "10" },
    detections: { type: "string", default: "model" },
  },
});

const WIDTH = 960;
const HEIGHT = 540;
const reader = createFrameReader();

async function openEngine(threshold: number): Promise<Engine> {
  const model = await resolveModel(values.model, { threshold });
  const config = onnxEngine.schema.parse({ kind: "onnx", executors: 1, threads: Math.max(1, availableParallelism() - 1) });
  const context = { stream: "evaluation", clock: systemClock, log: silentLogger, baseDir: ".", dataDir: ".", allowAnonymous: false };
  return onnxEngine.open(config, model, { module: interpreterModule, model }, context, AbortSignal.timeout(30_000));
}

async function detect(engine: Engine, { picture }: SceneFrame, ptsUs: number): Promise<readonly Detection[]> {
  using frame = frameFromPicture(picture, { ptsUs: mediaTimeUs(ptsUs), durationUs: 0, capturedAtMs: wallTimeMs(0) });
  const { width, height } = engine.input;
  const pixels = await reader.toInput(frame, engine.input, new Uint8Array(new SharedArrayBuffer(width * height * 3)));
  const [reply] = await engine.infer([{ pixels, ptsUs: mediaTimeUs(ptsUs) }], AbortSignal.timeout(30_000));
  return reply?.finding.detections ?? [];
}

async function measurePrecision(): Promise<void> {
  await using engine = await openEngine(0.05);
  const [first = 0, last = first] = values.seeds.split("-").map(Number);
  const judged: Judged[] = [];
  for (let seed = first; seed <= last; seed++) {
    const random = createRandom(seed, 77);
    const scene = new Scene({ seed, width: WIDTH, height: HEIGHT, dayS: 240, startPhase: random.next() });
    for (let i = 0, timeS = random.between(0, 10); i < Number(values.frames); i++, timeS += random.between(1, 2)) {
      const frame = scene.draw(timeS);
      const objects = frame.truth.objects.map((object) => ({ ...object, expected: isExpected(object, HEIGHT) }));
      judged.push({ detections: await detect(engine, frame, timeS * 1e6), objects });
    }
  }
  const each = STREET_LABELS.map((label) => ({ label, ...averagePrecision(judged, label, 0.5) }));
  for (const { label, ap, expected } of each) {
    console.log(`AP@0.5 ${label.padEnd(8)} ${ap.toFixed(3)}  (${expected} objects)`);
  }
  const mean = each.reduce((sum, { ap }) => sum + ap, 0) / each.length;
  console.log(`mAP@0.5 ${mean.toFixed(3)} over seeds ${values.seeds}, ${judged.length} frames`);
}

async function measureCounting(): Promise<void> {
  await using engine = await openEngine(0.1);
  const tracker = bytetrackTracker.create(bytetrackTracker.schema.parse(demoDefaults.track));
  const rule = lineRule.create(lineRule.schema.parse({ kind: "line", ...demoDefaults.line }), { stream: "demo", labels: [...STREET_LABELS], isTracked: true });
  const scene = new Scene({ seed: Number(values.seed), width: WIDTH, height: HEIGHT, dayS: 240, startPhase: 1 / 24 });
  const fps = Number(values.fps);
  let truth: Truth | undefined;
  const counted: Record<string, number> = {};
  for (let seq = 0; seq < Number(values.seconds) * fps; seq++) {
    const frame = scene.draw(seq / fps);
    truth = frame.truth;
    const ptsUs = mediaTimeUs(Math.round((seq * 1e6) / fps));
    const found = values.detections === "truth" ? trueDetections(frame.truth) : await detect(engine, frame, ptsUs);
    const detections = tracker.update(found, ptsUs);
    for (const event of rule.update({ stream: "demo", seq, ptsUs, capturedAtMs: wallTimeMs(0), width: WIDTH, height: HEIGHT, detections, timingsMs: {}, ageMs: 0 })) {
      const direction = String(event.data["direction"]);
      counted[direction] = (counted[direction] ?? 0) + 1;
    }
  }
  const total = Object.values(counted).reduce((sum, count) => sum + count, 0);
  const { away = 0, back = 0 } = truth?.crossed ?? {};
  console.log(`line crossings, seed ${values.seed}, ${values.seconds} s at ${fps} fps (${values.detections}): counted ${total} ${JSON.stringify(counted)}, truth ${away + back} (${away} away, ${back} back), off by ${(((total - away - back) / Math.max(1, away + back)) * 100).toFixed(1)} %`);
}

function trueDetections({ objects }: Truth): Detection[] {
  return objects
    .filter((object) => isExpected(object, HEIGHT))
    .map(({ label, box }) => ({ label, classId: STREET_LABELS.indexOf(label), score: 0.9, box }));
}

if (values.part !== "count") {
  await measurePrecision();
}
if (values.part !== "map") {
  await measureCounting();
}
await reader[Symbol.asyncDispose]();
