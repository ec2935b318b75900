import { caffeClassifier } from "./known-models.ts";
import type { CatalogueModel } from "./catalogue-model.ts";
import type { ModelFlags } from "./manifest.ts";

/** ONNX Model Zoo: its Git LFS storage no longer serves everybody, so a mirror comes first. */
function onnxModels(path: string, zooPath?: string): readonly string[] {
  const commit = "b1eeaa1ac722dcc1cd1a8284bde34393dab61c3d";
  return [
    `https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/${path}`,
    ...(zooPath === undefined ? [] : opencvZoo(zooPath).filter((url) => !url.startsWith("https://github.com"))),
    `https://media.githubusercontent.com/media/onnx/models/${commit}/${path}`,
    `https://github.com/onnx/models/raw/main/${path}`,
  ];
}

/** OpenCV's model zoo, and its copy per model. */
function opencvZoo(path: string): readonly string[] {
  const commit = "966be4cb6eefc2a4f586ed0581bf4bbaa2533070";
  const [, folder = "", file = ""] = path.split("/");
  return [
    `https://huggingface.co/opencv/opencv_zoo/resolve/main/${path}`,
    `https://huggingface.co/opencv/${folder}/resolve/main/${file}`,
    `https://media.githubusercontent.com/media/opencv/opencv_zoo/${commit}/${path}`,
    `https://github.com/opencv/opencv_zoo/raw/main/${path}`,
  ];
}

const torchClassifier: ModelFlags = { task: "classify", family: "logits", input: { color: "RGB", normalise: "imagenet", fit: "crop" }, labels: "imagenet-1000" };
const efficientnetLite: ModelFlags = { task: "classify", family: "softmax", input: { color: "RGB", scale: 1, mean: 127, std: 128, fit: "crop" }, labels: "imagenet-1000" };
const emotions: ModelFlags = {
  task: "classify", family: "logits", input: { color: "GRAY", normalise: "0..255", fit: "stretch" },
  labels: ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"],
};
const tensorflowSsd: ModelFlags = {
  task: "detect", family: "ssd", labels: "coco-90", options: { firstClass: 1 },
  // Takes any size and scales to 300×300 itself.
  input: { width: 300, height: 300, color: "RGB", fit: "stretch" },
};
const ultraface: ModelFlags = { task: "detect", family: "ssd", labels: "face", threshold: 0.7, nmsIou: 0.3 };
const yunet: ModelFlags = { task: "detect", family: "yunet", labels: "face" };
const yoloxZoo: ModelFlags = { task: "detect", family: "yolox", labels: "coco", input: { color: "RGB" } };
const fcn: ModelFlags = {
  task: "segment", family: "argmax", labels: "voc", options: { output: "out" }, maxBatch: 1,
  input: { width: 520, height: 520, color: "RGB", normalise: "imagenet", fit: "stretch" },
};
const pphumanseg: ModelFlags = {
  task: "segment", family: "argmax", labels: "background-person", input: { color: "RGB", scale: 1 / 255, mean: 0.5, std: 0.5, fit: "stretch" },
};
const sface: ModelFlags = { task: "embed", family: "embed", input: { color: "RGB", normalise: "0..255", fit: "stretch" } };

/**
 * The catalogue. Sizes and digests are those of the zoos' own Git LFS pointers; every download is held against them.
 */
export const CATALOGUE: readonly CatalogueModel[] = [
  {
    name: "resnet18-v1", task: "classify", licence: "Apache-2.0", sizeBytes: 46_820_737,
    sha256: "4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c",
    urls: onnxModels("validated/vision/classification/resnet/model/resnet18-v1-7.onnx"),
    manifest: torchClassifier,
  },
  {
    name: "resnet50-v1-int8", task: "classify", licence: "Apache-2.0", sizeBytes: 25_816_052,
    sha256: "c234f30975989788b4405f25253275aae247ab6dbdd34aaa69ab0a59ff76f6d0",
    urls: onnxModels("validated/vision/classification/resnet/model/resnet50-v1-12-int8.onnx"),
    manifest: torchClassifier,
  },
  {
    name: "resnet50-v2", task: "classify", licence: "Apache-2.0", sizeBytes: 102_442_452,
    sha256: "79102261eb6e5fd7af5d27f41316293e388c5cb691e5d25bfb035c4f64fefe31",
    urls: onnxModels("validated/vision/classification/resnet/model/resnet50-v2-7.onnx"),
    manifest: torchClassifier,
  },
  {
    name: "mobilenetv2", task: "classify", licence: "Apache-2.0", sizeBytes: 13_964_571,
    sha256: "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5",
    urls: onnxModels("validated/vision/classification/mobilenet/model/mobilenetv2-12.onnx", "models/image_classification_mobilenet/image_classification_mobilenetv2_2022apr.onnx"),
    manifest: torchClassifier,
  },
  {
    name: "mobilenetv2-int8", task: "classify", licence: "Apache-2.0", sizeBytes: 3_655_033,
    sha256: "cc028fe6cae7bc11a4ff53cfc9b79c920e8be65ce33a904ec3e2a8f66d77f95f",
    urls: onnxModels("validated/vision/classification/mobilenet/model/mobilenetv2-12-int8.onnx", "models/image_classification_mobilenet/image_classification_mobilenetv2_2022apr_int8.onnx"),
    manifest: torchClassifier,
  },
  {
    name: "squeezenet1.1", task: "classify", licence: "Apache-2.0", sizeBytes: 4_956_208,
    sha256: "1eeff551a67ae8d565ca33b572fc4b66e3ef357b0eb2863bb9ff47a918cc4088",
    urls: onnxModels("validated/vision/classification/squeezenet/model/squeezenet1.1-7.onnx"),
    manifest: torchClassifier,
  },
  {
    name: "squeezenet1.0-int8", task: "classify", licence: "Apache-2.0", sizeBytes: 1_293_388,
    sha256: "3da17dfad1b7ba23c93fac6dbf49f6db78cd42f7519e915a2e27d37c5c0a972b",
    urls: onnxModels("validated/vision/classification/squeezenet/model/squeezenet1.0-12-int8.onnx"),
    manifest: caffeClassifier,
  },
  {
    name: "shufflenetv2-int8", task: "classify", licence: "BSD-3-Clause", sizeBytes: 2_388_912,
    sha256: "bf5eefde67941aa7eaa7787316c9c52c4b04e07fc9587a6ea7028883be9a8d4e",
    urls: onnxModels("validated/vision/classification/shufflenet/model/shufflenet-v2-12-int8.onnx"),
    manifest: torchClassifier,
  },
  {
    name: "efficientnet-lite4", task: "classify", licence: "MIT", sizeBytes: 51_946_641,
    sha256: "d111689907c06eea7c82e4833ddef758da6453b9d4cf60b7e99ca05c7cbd9c12",
    urls: onnxModels("validated/vision/classification/efficientnet-lite4/model/efficientnet-lite4-11.onnx"),
    manifest: efficientnetLite,
  },
  {
    name: "ssd-mobilenet-v1", task: "detect", licence: "MIT", sizeBytes: 29_461_455,
    sha256: "b8fba5e404077d4048d27fcd1667e85e27e192eb9bf51e696c46a3acd7d21058",
    urls: onnxModels("validated/vision/object_detection_segmentation/ssd-mobilenetv1/model/ssd_mobilenet_v1_12.onnx"),
    manifest: tensorflowSsd,
  },
  {
    name: "ssd-mobilenet-v1-int8", task: "detect", licence: "MIT", sizeBytes: 9_540_809,
    sha256: "2b79e6a7fb1ec6a33f332b9b10d82d9de4b7b49dcd26b5946921bb356895c954",
    urls: onnxModels("validated/vision/object_detection_segmentation/ssd-mobilenetv1/model/ssd_mobilenet_v1_12-int8.onnx"),
    manifest: tensorflowSsd,
  },
  {
    name: "tiny-yolov3", task: "detect", licence: "MIT", sizeBytes: 35_511_756,
    sha256: "f715cc2d99740d22d312777e20d9de2b2ecdc250155be8fd3752ce7e8b823521",
    urls: onnxModels("validated/vision/object_detection_segmentation/tiny-yolov3/model/tiny-yolov3-11.onnx"),
    manifest: undefined,
  },
  {
    name: "tiny-yolov2", task: "detect", licence: "MIT", sizeBytes: 63_480_982,
    sha256: "583fb7fdc948435ceac9fa82efc7708701efe8382a859a3dd46526b155f5f2ae",
    urls: onnxModels("validated/vision/object_detection_segmentation/tiny-yolov2/model/tinyyolov2-8.onnx"),
    manifest: undefined,
  },
  {
    name: "yolov4", task: "detect", licence: "MIT", sizeBytes: 257_470_589,
    sha256: "1881fe9c506c970d7866cb4bfc33bda791ce46951a3c39c45ace2ff2b9daf369",
    urls: onnxModels("validated/vision/object_detection_segmentation/yolov4/model/yolov4.onnx"),
    manifest: undefined,
  },
  {
    name: "fcn-resnet50-int8", task: "segment", licence: "MIT", sizeBytes: 35_545_058,
    sha256: "67fcba8ebd435c2fb6b297d2e7c084f3c3b9ae6bc7ae41453b748ae4ed8c0331",
    urls: onnxModels("validated/vision/object_detection_segmentation/fcn/model/fcn-resnet50-12-int8.onnx"),
    manifest: fcn,
  },
  {
    name: "fcn-resnet50", task: "segment", licence: "MIT", sizeBytes: 141_193_555,
    sha256: "eb5017d1b80372eb0b58552655274698817ba2e774437e2c2d3c0a613d2e99bd",
    urls: onnxModels("validated/vision/object_detection_segmentation/fcn/model/fcn-resnet50-12.onnx"),
    manifest: fcn,
  },
  {
    name: "ultraface-rfb-320", task: "detect", licence: "MIT", sizeBytes: 1_270_727,
    sha256: "34cd7e60aeff28744c657de7a3dc64e872d506741de66987f3426f2b79f88017",
    urls: onnxModels("validated/vision/body_analysis/ultraface/models/version-RFB-320.onnx"),
    manifest: ultraface,
  },
  {
    name: "ultraface-rfb-320-int8", task: "detect", licence: "MIT", sizeBytes: 458_144,
    sha256: "093a9a55ff05fd71ace744593fd0c81eab8306d6d8c38b0892c5b3cff7f08265",
    urls: onnxModels("validated/vision/body_analysis/ultraface/models/version-RFB-320-int8.onnx"),
    manifest: ultraface,
  },
  {
    name: "ultraface-rfb-640", task: "detect", licence: "MIT", sizeBytes: 1_588_012,
    sha256: "8f4c659275977e7a3bfbfa339a9c769ad793df50f9c0baa8c14b11baa1646430",
    urls: onnxModels("validated/vision/body_analysis/ultraface/models/version-RFB-640.onnx"),
    manifest: ultraface,
  },
  {
    name: "emotion-ferplus", task: "classify", licence: "MIT", sizeBytes: 35_040_571,
    sha256: "a2a2ba6a335a3b29c21acb6272f962bd3d47f84952aaffa03b60986e04efa61c",
    urls: onnxModels("validated/vision/body_analysis/emotion_ferplus/model/emotion-ferplus-8.onnx"),
    manifest: emotions,
  },
  {
    name: "super-resolution", task: "image", licence: "Apache-2.0", sizeBytes: 240_078,
    sha256: "85f36ff88cc504a24af5e0602148bc56a8aa09a58eca8c0da2756f3e8186035e",
    urls: onnxModels("validated/vision/super_resolution/sub_pixel_cnn_2016/model/super-resolution-10.onnx"),
    manifest: undefined,
  },
  {
    name: "yunet-2023mar", task: "detect", licence: "MIT", sizeBytes: 232_589,
    sha256: "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    urls: opencvZoo("models/face_detection_yunet/face_detection_yunet_2023mar.onnx"),
    manifest: yunet,
  },
  {
    name: "yunet-2023mar-int8", task: "detect", licence: "MIT", sizeBytes: 100_416,
    sha256: "321aa5a6afabf7ecc46a3d06bfab2b579dc96eb5c3be7edd365fa04502ad9294",
    urls: opencvZoo("models/face_detection_yunet/face_detection_yunet_2023mar_int8.onnx"),
    manifest: yunet,
  },
  {
    name: "pphumanseg", task: "segment", licence: "Apache-2.0", sizeBytes: 6_163_938,
    sha256: "552d8a984054e59b5d773d24b9b12022b22046ceb2bbc4c9aaeaceb36a9ddf24",
    urls: opencvZoo("models/human_segmentation_pphumanseg/human_segmentation_pphumanseg_2023mar.onnx"),
    manifest: pphumanseg,
  },
  {
    name: "pphumanseg-int8", task: "segment", licence: "Apache-2.0", sizeBytes: 1_607_872,
    sha256: "510775a9e23c1a53c34013a2fa3ac1906bfd7b789d55c07e6b49f30bb669007d",
    urls: opencvZoo("models/human_segmentation_pphumanseg/human_segmentation_pphumanseg_2023mar_int8.onnx"),
    manifest: pphumanseg,
  },
  {
    name: "yolox-s", task: "detect", licence: "Apache-2.0", sizeBytes: 35_858_002,
    sha256: "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
    urls: opencvZoo("models/object_detection_yolox/object_detection_yolox_2022nov.onnx"),
    manifest: yoloxZoo,
  },
  {
    name: "yolox-s-int8", task: "detect", licence: "Apache-2.0", sizeBytes: 9_079_452,
    sha256: "01a3b0f400b30bc1e45230e991b2e499ab42622485a330021947333fbaf03935",
    urls: opencvZoo("models/object_detection_yolox/object_detection_yolox_2022nov_int8.onnx"),
    manifest: yoloxZoo,
  },
  {
    name: "nanodet-plus-m-416", task: "detect", licence: "Apache-2.0", sizeBytes: 3_800_954,
    sha256: "4b82da9944b88577175ee23a459dce2e26e6e4be573def65b1055dc2d9720186",
    urls: opencvZoo("models/object_detection_nanodet/object_detection_nanodet_2022nov.onnx"),
    manifest: undefined,
  },
  {
    name: "person-detection-mediapipe", task: "detect", licence: "Apache-2.0", sizeBytes: 11_990_159,
    sha256: "47fd5599d6fa17608f03e0eb0ae230baa6e597d7e8a2c8199fe00abea55a701f",
    urls: opencvZoo("models/person_detection_mediapipe/person_detection_mediapipe_2023mar.onnx"),
    manifest: undefined,
  },
  {
    name: "pose-mediapipe", task: "pose", licence: "Apache-2.0", sizeBytes: 5_557_238,
    sha256: "9d89c599319a18fb7d2e28451a883476164543182bafca5f09eb2cf767ed2f3f",
    urls: opencvZoo("models/pose_estimation_mediapipe/pose_estimation_mediapipe_2023mar.onnx"),
    manifest: undefined,
  },
  {
    name: "palm-detection-mediapipe", task: "detect", licence: "Apache-2.0", sizeBytes: 3_905_734,
    sha256: "78ff51c38496b7fc8b8ebdb6cc8c1abb02fa6c38427c6848254cdaba57fcce7c",
    urls: opencvZoo("models/palm_detection_mediapipe/palm_detection_mediapipe_2023feb.onnx"),
    manifest: undefined,
  },
  {
    name: "sface", task: "embed", licence: "Apache-2.0", sizeBytes: 38_696_353,
    sha256: "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    urls: opencvZoo("models/face_recognition_sface/face_recognition_sface_2021dec.onnx"),
    manifest: sface,
  },
];
