import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { asset, needsAssets } from "../../test/support/assets.ts";
import { LABEL_SETS, loadLabels, parseLabels, parseNames } from "./labels.ts";

test("label files: one a line, gaps count, the end does not; nvinfer's one line parted by semicolons", () => {
  assert.deepEqual(parseLabels("\uFEFFcat\r\n dog \r\n\r\nbird\r\n\r\n"), ["cat", "dog", "", "bird"]);
  assert.deepEqual(parseLabels("car;person ; sign"), ["car", "person", "sign"]);
  assert.deepEqual(parseLabels(""), []);
});

test("Ultralytics' names: a Python dictionary with either quote", () => {
  assert.deepEqual(parseNames(`{0: 'person', 1: "driver's cab", 2: 'it\\'s'}`), ["person", "driver's cab", "it's"]);
  assert.deepEqual(parseNames("{0: 'a', 2: 'c'}"), ["a", "1", "c"]);
  assert.equal(parseNames("nothing of the kind"), undefined);
  assert.equal(parseNames(undefined), undefined);
});

test("built-in sets have the length that networks have", () => {
  const lengths = Object.fromEntries(Object.entries(LABEL_SETS).map(([name, labels]) => [name, labels.length]));
  assert.deepEqual(lengths, { coco: 80, "coco-90": 90, "coco-91": 91, voc: 21, "voc-20": 20, face: 1, person: 1, "background-person": 2, "person-or-none": 2, digits: 10 });
});

test("built-in sets number classes as published lists do", needsAssets, async () => {
  const published = async (path: string): Promise<readonly string[]> => parseLabels(await readFile(asset(`models/${path}`), "utf8"));
  assert.deepEqual(LABEL_SETS["voc"], await published("deeplabv3-mnv2/voc_labels_21.txt"));
  assert.deepEqual(LABEL_SETS["coco-90"], await published("ssd-mobilenet-v1-int8/coco_labels_90.txt"));
  // Older lists write motorbike, aeroplane, sofa …: the order is what counts.
  const other = await published("yolox-nano/coco.names");
  assert.ok(LABEL_SETS["coco"]!.filter((label, i) => label === other[i]).length > 70);
});

test("labels by name, by number or by file", async () => {
  assert.deepEqual(await loadLabels(["a"], ".", undefined), ["a"]);
  assert.deepEqual(await loadLabels("numbers", ".", 3), ["0", "1", "2"]);
  assert.equal((await loadLabels("coco", ".", 80))[0], "person");
  await assert.rejects(loadLabels("cocos.txt", ".", 80), { code: "E_MODEL_MANIFEST", message: /cocos\.txt/ });
});
