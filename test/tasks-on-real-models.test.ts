// Every model of the assets folder, read by Vedette's tasks and by OpenCV, on photos and frames of clips: same boxes
// within 2 px, scores within 0.02, same five best classes. Pictures are scaled by OpenCV for both, so that this is
// about manifests, normalisation and reading outputs; scaling is tested with the pipeline.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import * as ort from "onnxruntime-node";
import { asset, needsAssets } from "./support/assets.ts";
import { needsOpenCv, OpenCv } from "./support/opencv.ts";
import { createInterpreter } from "../src/tasks/interpreter.ts";
import { resolveModel } from "../src/models/resolve.ts";
import type { Answer, Expected, ReferenceGeometry } from "./support/opencv.ts";
import type { Finding } from "../src/domain/result.ts";
import type { InputGeometry, Model, Tensor, TensorType } from "../src/domain/model.ts";

// Seen with onnxruntime-node 1.30: it wraps float16 tensors in a Float16Array where there is one, and then cannot read
// them. It looks once, at the first tensor.
Reflect.deleteProperty(globalThis, "Float16Array");

const PEOPLE = { picture: "media/intel-sample-videos/one-by-one-person-detection.mp4", frame: 150 };
const STREET = { picture: "media/meva-mot/rvmot-a1c9.mp4", frame: 10 };
const FACES = { picture: "media/intel-sample-videos/head-pose-face-detection-female-and-male-preview.mp4", frame: 8 };
const photo = (name: string): { picture: string } => ({ picture: `media/photos/${name}` });
const OBJECTS = [photo("pets.jpg"), photo("hot_dog.jpg"), PEOPLE, STREET];
const THINGS = [photo("cat_720p.jpg"), photo("bird.jpg"), photo("coffee.jpg"), photo("hot_dog.jpg")];
const PORTRAITS = [photo("astronaut.jpg"), photo("grace_hopper.jpg"), photo("face.jpg"), FACES];

const CASES: readonly { profile: string; model: string; pictures: readonly { picture: string; frame?: number }[]; threshold?: number }[] = [
  { profile: "yolox", model: "yolox-nano/yolox_nano.onnx", pictures: OBJECTS },
  { profile: "yolox", model: "yolox-nano/yolox_nano_dynbatch.onnx", pictures: [PEOPLE] },
  { profile: "ultraface", model: "ultraface/version-RFB-320.onnx", pictures: PORTRAITS, threshold: 0.7 },
  { profile: "ultraface", model: "ultraface/version-RFB-320_ort.onnx", pictures: [FACES], threshold: 0.7 },
  { profile: "ultraface", model: "ultraface/version-RFB-320_dynbatch.onnx", pictures: [FACES], threshold: 0.7 },
  { profile: "yunet-320", model: "yunet/yunet_n_320_320.onnx", pictures: PORTRAITS },
  { profile: "yunet-320", model: "yunet/yunet_n_dynamic.onnx", pictures: PORTRAITS },
  { profile: "yunet-640", model: "yunet/face_detection_yunet_2023mar.onnx", pictures: [FACES, photo("face.jpg")] },
  { profile: "tflite-ssd", model: "ssd-mobilenet-v1-int8/coco_ssd_mobilenet_v1_uint8.onnx", pictures: OBJECTS },
  { profile: "mobilenet-224", model: "mobilenetv1-025/mobilenet_v1_025_224_fp32.onnx", pictures: THINGS },
  { profile: "mobilenet-224", model: "mobilenetv1-025/mobilenet_v1_025_224_fp32_dynbatch.onnx", pictures: [THINGS[0]!] },
  { profile: "mobilenet-128-u8", model: "mobilenetv1-025/mobilenet_v1_025_128_uint8_dynbatch.onnx", pictures: THINGS },
  { profile: "mobilenet-224-u8", model: "mobilenetv2-int8/mobilenet_v2_224_uint8.onnx", pictures: THINGS },
  { profile: "mobilenet-224-u8", model: "mobilenetv2-int8/mobilenet_v2_224_uint8_dynbatch.onnx", pictures: [THINGS[1]!] },
  { profile: "squeezenet", model: "squeezenet1.0/squeezenet_fp32_dynbatch.onnx", pictures: THINGS },
  { profile: "squeezenet-f16", model: "squeezenet1.0/SqueezeNet_fp16.onnx", pictures: THINGS },
  { profile: "vww", model: "vww-96/vww_96_fp32_dynbatch.onnx", pictures: [PEOPLE, photo("coffee.jpg")] },
  { profile: "mnist", model: "mnist/mnist.onnx", pictures: [photo("coffee.jpg"), photo("face.jpg")] },
  { profile: "deeplab", model: "deeplabv3-mnv2/deeplab_v3_257_fp32.onnx", pictures: [photo("cat_720p.jpg"), PEOPLE] },
  { profile: "deeplab", model: "deeplabv3-mnv2/deeplab_v3_257_fp32_dynbatch.onnx", pictures: [photo("pets.jpg")] },
  { profile: "deeplab-u8", model: "deeplabv3-mnv2/deeplabv3_dm05_513_uint8.onnx", pictures: [photo("cat_720p.jpg"), PEOPLE] },
  { profile: "selfie", model: "selfie-segmentation/selfie_segmentation_landscape.onnx", pictures: [photo("astronaut.jpg"), FACES] },
  { profile: "selfie", model: "selfie-segmentation/selfie_segmentation_landscape_dynbatch.onnx", pictures: [FACES] },
  { profile: "movenet", model: "movenet-lightning-int8/movenet_lightning_192_uint8.onnx", pictures: [PEOPLE, photo("grace_hopper.jpg")] },
  { profile: "reid", model: "person-reid-0288/person-reidentification-retail-0288.onnx", pictures: [PEOPLE, photo("face.jpg")] },
  { profile: "candy", model: "style-candy/candy.onnx", pictures: [photo("coffee.jpg")] },
];

const needs = { skip: needsAssets.skip === false ? needsOpenCv.skip : needsAssets.skip };
let folder = "";
let opencv: OpenCv;
before(async () => {
  opencv = new OpenCv();
  folder = await mkdtemp(join(tmpdir(), "vedette-tasks-"));
});
after(async () => {
  await opencv[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

for (const { profile, model: file, pictures, threshold } of CASES) {
  test(`${basename(file)} is read as OpenCV reads it`, needs, async () => {
    const path = asset(`models/${file}`);
    const model = await resolveModel(path, threshold === undefined ? {} : { threshold });
    const dirs = pictures.map((_, i) => join(folder, `${basename(file)}-${i}`));
    const answers = await opencv.ask(pictures.map((picture, i) => ({ do: "prepare", profile, model: path, ...picture, picture: asset(picture.picture), dir: dirs[i] })));
    const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const expected = await complete(session, profile, answers, dirs);
    const interpreter = createInterpreter(model);
    for (const [i, answer] of answers.entries()) {
      const pixels = await readFile(join(dirs[i]!, "pixels.u8"));
      const outputs = await run(session, model.input.name, normalised(pixels, model), modelShape(model));
      const finding = interpreter.interpret(outputs, geometryOf(answer.geometry));
      await compare(finding, expected[i]!, dirs[i]!, model);
    }
  });
}

/** What OpenCV expects; where it could not run the network itself, what numpy makes of outputs computed from OpenCV's tensor. */
async function complete(session: ort.InferenceSession, profile: string, answers: readonly Answer[], dirs: readonly string[]): Promise<readonly Expected[]> {
  if (answers.every(({ expected }) => expected !== undefined)) {
    return answers.map(({ expected }) => expected!);
  }
  const jobs: object[] = [];
  for (const [i, { geometry, shape, type }] of answers.entries()) {
    const bytes = await readFile(join(dirs[i]!, "tensor.raw"));
    const outputs = await run(session, session.inputNames[0]!, toTyped(bytes, type), shape);
    const written = await Promise.all(outputs.map(async (output, k) => {
      const { buffer, byteOffset, byteLength } = output.data as Float32Array;
      await writeFile(join(dirs[i]!, `output${k}.raw`), new Uint8Array(buffer, byteOffset, byteLength));
      return { name: output.name, shape: output.shape, type: output.type, file: `output${k}.raw` };
    }));
    jobs.push({ do: "decode", profile, dir: dirs[i], geometry, outputs: written });
  }
  return (await opencv.ask(jobs)).map(({ expected }) => expected!);
}

function toTyped(bytes: Buffer, type: Answer["type"]): Float32Array | Uint16Array | Uint8Array {
  const own = new Uint8Array(bytes).buffer;
  return type === "float32" ? new Float32Array(own) : type === "float16" ? new Uint16Array(own) : new Uint8Array(own);
}

/** The network's input as the manifest describes it, from packed RGB or GRAY pixels. */
function normalised(pixels: Uint8Array, { input }: Model): Float32Array | Uint16Array | Uint8Array {
  const channels = input.color === "GRAY" ? 1 : 3;
  const area = input.width * input.height;
  const values = new Float32Array(area * channels);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) {
      const value = (pixels[i * channels + (input.color === "BGR" ? 2 - c : c)]! * input.scale - input.mean[c]!) / input.std[c]!;
      values[input.layout === "NCHW" ? c * area + i : i * channels + c] = value;
    }
  }
  return input.type === "uint8" ? Uint8Array.from(values) : input.type === "float16" ? Uint16Array.from(values, toHalf) : values;
}

/** IEEE 754 binary16, rounded to nearest even, for normal numbers. */
function toHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent <= 0) {
    return (bits >>> 16) & 0x8000;
  }
  const rest = bits & 0x1fff;
  const half = ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
  return rest > 0x1000 || (rest === 0x1000 && (half & 1) === 1) ? half + 1 : half;
}

function modelShape({ input: { layout, width, height, color } }: Model): number[] {
  const channels = color === "GRAY" ? 1 : 3;
  return layout === "NCHW" ? [1, channels, height, width] : [1, height, width, channels];
}

async function run(session: ort.InferenceSession, name: string, data: Float32Array | Uint16Array | Uint8Array, shape: readonly number[]): Promise<Tensor[]> {
  const type = data instanceof Float32Array ? "float32" : data instanceof Uint16Array ? "float16" : "uint8";
  const results = await session.run({ [name]: new ort.Tensor(type, data as Float32Array, shape) });
  return session.outputNames.map((output) => {
    const { dims, type: outType, data: values } = results[output]!;
    return { name: output, type: outType as TensorType, shape: dims, data: values as Float32Array };
  });
}

function geometryOf({ map: [scaleX, scaleY, offsetX, offsetY], source: [sourceWidth, sourceHeight], input: [inputWidth, inputHeight] }: ReferenceGeometry): InputGeometry {
  return { sourceWidth, sourceHeight, inputWidth, inputHeight, scaleX, scaleY, offsetX, offsetY };
}

async function compare(finding: Finding, expected: Expected, dir: string, model: Model): Promise<void> {
  compareDetections(finding, expected, model);
  if (expected.classes !== undefined) {
    const best = expected.classes;
    assert.equal(finding.classes!.length, Math.min(5, model.labels.length));
    // Equal scores (8-bit outputs) may come in either order, and what is nearly nothing in any.
    const counts = best.filter(({ score }) => score > 1e-6);
    const ours = finding.classes!.slice(0, counts.length).map(({ classId }) => classId);
    assert.deepEqual(new Set(ours), new Set(counts.map(({ classId }) => classId)));
    finding.classes!.forEach(({ score, label, classId }, i) => {
      assert.ok(Math.abs(score - best[i]!.score) <= 0.02, `class ${i}: ${score} against ${best[i]!.score}`);
      assert.equal(label, model.labels[classId]);
    });
  }
  if (expected.segments !== undefined) {
    const { labels, areas, mask } = finding.segments!;
    const theirs = await readFile(join(dir, "mask.u8"));
    const far = mask!.data.reduce((count, value, i) => count + (Math.abs(value - theirs[i]!) > (mask!.kind === "matte" ? 2 : 0) ? 1 : 0), 0);
    assert.deepEqual([mask!.height, mask!.width], expected.maskShape);
    assert.ok(far / theirs.length < 0.001, `${far} of ${theirs.length} cells differ`);
    expected.segments.filter(({ area }) => area > 0.001).forEach(({ classId, area }) => {
      const at = labels.indexOf(model.labels[classId]!);
      assert.ok(Math.abs((areas[at] ?? 0) - area) < 0.002, `${model.labels[classId]}: ${areas[at]} against ${area}`);
    });
  }
  expected.keypoints?.forEach(({ x, y, score }, i) => {
    const point = finding.poses![0]!.keypoints[i]!;
    assert.ok(Math.hypot(point.x - x, point.y - y) <= 2 && Math.abs(point.score - score) <= 0.02, `${point.name} at ${point.x}, ${point.y}, expected ${x}, ${y}`);
  });
  if (expected.embedding !== undefined) {
    const cosine = expected.embedding.reduce((sum, value, i) => sum + value * finding.embedding![i]!, 0);
    assert.ok(cosine > 0.9999, `cosine ${cosine}`);
  }
  if (expected.imageShape !== undefined) {
    const theirs = await readFile(join(dir, "image.u8"));
    const far = finding.image!.data.reduce((count, value, i) => count + (Math.abs(value - theirs[i]!) > 2 ? 1 : 0), 0);
    assert.deepEqual([finding.image!.height, finding.image!.width, 3], expected.imageShape);
    assert.ok(far / theirs.length < 0.001, `${far} bytes differ`);
  }
}

function compareDetections({ detections = [] }: Finding, { detections: expected }: Expected, { threshold, labels }: Model): void {
  if (expected === undefined) {
    return;
  }
  const left = [...detections];
  for (const { classId, score, box, points } of expected) {
    const at = left.findIndex((found) => found.classId === classId && found.box.every((side, k) => Math.abs(side - box[k]!) <= 2) && Math.abs(found.score - score) <= 0.02);
    // A score within rounding of the threshold may fall on either side.
    assert.ok(at >= 0 || score < threshold + 0.02, `${labels[classId]} ${score} at ${box.join(", ")} is missing from ${JSON.stringify(detections)}`);
    const [found] = at >= 0 ? left.splice(at, 1) : [];
    points?.forEach(([x, y], k) => assert.ok(found === undefined || Math.hypot(found.keypoints![k]!.x - x, found.keypoints![k]!.y - y) <= 2));
  }
  const surplus = left.filter(({ score }) => score >= threshold + 0.02);
  assert.deepEqual(surplus, []);
  assert.ok(expected.length === 0 || detections.length > 0);
}
