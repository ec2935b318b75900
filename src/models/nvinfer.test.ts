import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLeftOut, importNvinfer } from "./nvinfer.ts";
import { parseManifest } from "./manifest.ts";

/** The keys and values of slipstream's deepstream-rtsp.cfg. */
const SLIPSTREAM = `
[property]
gpu-id=0
net-scale-factor=0.0039215697906911373
model-file=/opt/models/Primary_Detector/resnet10.caffemodel
proto-file=/opt/models/Primary_Detector/resnet10.prototxt
labelfile-path=/opt/models/Primary_Detector/labels.txt
int8-calib-file=/opt/models/Primary_Detector/cal_trt.bin
batch-size=1
process-mode=1
model-color-format=0
network-mode=1
num-detected-classes=4
interval=0
gie-unique-id=1
output-blob-names=conv2d_bbox;conv2d_cov/Sigmoid
cluster-mode=1
force-implicit-batch-dim=1

[class-attrs-all]
threshold=0.2
eps=0.7
minBoxes=1
`;

test("slipstream's configuration becomes a manifest, and what it cannot hold is listed with a reason", () => {
  const { manifest, yaml, leftOut } = importNvinfer(SLIPSTREAM, "deepstream-rtsp.cfg");
  assert.deepEqual(manifest, {
    file: "/opt/models/Primary_Detector/resnet10.onnx",
    task: "detect",
    family: "detectnet",
    input: { color: "RGB", normalise: "0..1", fit: "stretch" },
    labels: "/opt/models/Primary_Detector/labels.txt",
    maxBatch: 1,
    threshold: 0.2,
    options: { coverage: "conv2d_cov/Sigmoid", bbox: "conv2d_bbox", cluster: "dbscan", eps: 0.7, minBoxes: 1 },
  });
  assert.deepEqual(parseManifest(yaml, "deepstream-rtsp.yaml"), manifest, "the file reads back as the same manifest");
  assert.deepEqual(leftOut.map(({ key }) => key).sort(), ["force-implicit-batch-dim", "int8-calib-file", "model-file", "network-mode", "proto-file"]);
  assert.match(formatLeftOut(leftOut), /\[property\] model-file=.*convert it to ONNX/);
});

test("normalisation, size, letterbox and thresholds of single classes are carried over", () => {
  const { manifest, leftOut } = importNvinfer(
    "[property]\nonnx-file=net.onnx\nnet-scale-factor=0.5\noffsets=10;20;30\nmodel-color-format=1\ninfer-dims=3;544;960\nmaintain-aspect-ratio=1\nsymmetric-padding=1\ncluster-mode=2\nparse-bbox-func-name=NvDsInferParseYolo\ncustom-lib-path=libyolo.so\nnetwork-type=0\n# a comment\n" +
      "[class-attrs-all]\npre-cluster-threshold=0.3\nnms-iou-threshold=0.6\ntopk=20\nroi-top-offset=4\n[class-attrs-1]\npre-cluster-threshold=0.9\n[class-attrs-7]\nthreshold=1\n",
    "yolo.txt",
    ["car", "person"],
  );
  assert.deepEqual(manifest, {
    file: "net.onnx",
    task: "detect",
    family: "yolo",
    input: { width: 960, height: 544, color: "BGR", scale: 0.5, mean: [5, 10, 15], fit: "letterbox", anchor: "center", pad: 0 },
    threshold: 0.3,
    nmsIou: 0.6,
    topK: 20,
    classThresholds: { person: 0.9 },
  });
  assert.deepEqual(leftOut.map(({ section, key }) => `${section} ${key}`), ["class-attrs-all roi-top-offset", "class-attrs-7 threshold", "property custom-lib-path"]);
});

test("classifiers and segmentation networks keep their thresholds", () => {
  const classify = importNvinfer("[property]\nonnx-file=a.onnx\nnetwork-type=1\nclassifier-threshold=0.51\n", "a").manifest;
  assert.deepEqual([classify.task, classify.family, classify.threshold], ["classify", "softmax", 0.51]);
  const segment = importNvinfer("[property]\nonnx-file=a.onnx\nnetwork-type=2\nsegmentation-threshold=0.1\n", "a").manifest;
  assert.deepEqual([segment.task, segment.family, segment.threshold], ["segment", "argmax", 0.1]);
  const other = importNvinfer("[property]\nonnx-file=a.onnx\nnetwork-type=3\n", "a");
  assert.deepEqual([other.manifest.task, other.leftOut[0]?.key], [undefined, "network-type"]);
});

test("a text that is no nvinfer configuration is refused", () => {
  assert.throws(() => importNvinfer("[application]\nperf=1\n", "app.txt"), { code: "E_CONFIG", message: /app\.txt: no \[property\] section/ });
});
