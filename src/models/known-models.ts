import type { ModelFlags } from "./manifest.ts";

/** A published file that is recognised by its digest, so that it needs no manifest. */
export interface KnownModel {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly manifest: ModelFlags;
}

const tensorflowClassifier: ModelFlags = { task: "classify", family: "softmax", input: { normalise: "-1..1", fit: "crop" }, labels: "imagenet-1001" };
/** Classifiers that came out of Caffe: blue first, the mean of ImageNet taken off, already through a softmax. */
export const caffeClassifier: ModelFlags = {
  task: "classify", family: "softmax", input: { color: "BGR", scale: 1, mean: [104, 117, 123], std: 1, fit: "crop" }, labels: "imagenet-1000",
};
const deeplab: ModelFlags = { task: "segment", family: "argmax", input: { normalise: "-1..1", fit: "stretch" }, labels: "voc" };

const known = (sizeBytes: number, sha256: string, manifest: ModelFlags): KnownModel => ({ sizeBytes, sha256, manifest });

/**
 * Published models that are not in the catalogue, or whose shapes alone do not tell how they want their pictures.
 * A detector such as YOLOX needs no row here: its outputs say everything.
 */
export const KNOWN_MODELS: readonly KnownModel[] = [
  // MobileNet v1 0.25 and v2, TensorFlow Lite's, as ONNX
  known(1_885_993, "639ce9f939cbae0b6337598c5dcdac50cf1207273e78908be16dae2b71866913", tensorflowClassifier),
  known(1_885_987, "d8c57c16a075cb5b4b3687f0b5417a0821344e0ba8b11ad75931e3ec6c6474dc", tensorflowClassifier),
  known(595_379, "81f6a5acad7e6f6b2fb79b404d6e5bd4d0e6829b1a73a9d623223a169b2e48db", tensorflowClassifier),
  known(3_753_770, "59770d1eb68968cd5fc40c8834ae538443f3522e3b7a278be0cae4a40479cd51", tensorflowClassifier),
  known(3_753_746, "b41e0d496f64c3ab0e45452d0f9b0bba4bdc4514a7bc922fc509a0b0d60dbf3f", tensorflowClassifier),
  // SqueezeNet 1.0 of Windows Machine Learning's samples
  known(2_484_091, "21f25e3d9254af93e6218a359469fac714a017b3f9035c0f5c4acbf9a3ff7233", caffeClassifier),
  known(4_950_080, "33147f1f4686c6340ca748e14629627c6c96084e0ca0cb037aeca355349f6164", caffeClassifier),
  // Visual wake words of MLPerf Tiny
  known(878_708, "2dfb29a319dea68c37bf66720edaec3d7568603812666920df77aaa72688a40c", {
    task: "classify", family: "softmax", input: { normalise: "0..1", fit: "stretch" }, labels: "person-or-none",
  }),
  // The handwritten digits of CNTK's tutorial
  known(26_627, "bd5891fdd7987910bfc3d8fc9a697a88e48309e26e529faa87931fba52904fe8", {
    task: "classify", family: "logits", input: { normalise: "0..255", fit: "letterbox" }, labels: "digits",
  }),
  // DeepLab v3 with MobileNet v2
  known(2_781_296, "48a46b346ca7e2e96760b8a10a302046a3b5a9ce55e59d4c659c36d9cbd44118", deeplab),
  known(2_781_298, "a1b374bfbd672456b5711e466a73050fa66927e35813f0d17c1f520fc53c0fdb", deeplab),
  known(744_609, "6e4d71b004b0550ddb5ea0a992ad376d0fa4e6295393670bfcfe2690f1e327cd", deeplab),
  // SSD MobileNet v1 of TensorFlow Lite's samples
  known(4_252_520, "137d219829516e473ae102ac50994161de38e70a6e925ad708bde93c8777c624", { task: "detect", family: "ssd", labels: "coco-90" }),
  // person-reidentification-retail-0288: its instance normalisation mixes the pictures of a batch
  known(813_323, "f3966d905e7232026aa8b814c328231a7b45c5b6b4dd32f886894223c4441b80", {
    task: "embed", family: "embed", input: { color: "BGR", normalise: "0..255", fit: "stretch" }, maxBatch: 1,
  }),
  // Fast neural style "candy"
  known(1_712_395, "4cc994e51bc371584fe38d91ac66015909d8e06eec5b22de9a6b969ad091c2c0", {
    task: "image", family: "image", input: { color: "BGR", normalise: "0..255", fit: "stretch" }, options: { range: "0..255", color: "BGR" },
  }),
];
