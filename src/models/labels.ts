import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { VedetteError } from "../errors.ts";

const words = (text: string): readonly string[] => text.trim().split(/\s*,\s*/);

/** The 80 classes of COCO that carry boxes, in the order networks number them. https://cocodataset.org */
const COCO = words(`
  person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, parking meter,
  bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee,
  skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup,
  fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch,
  potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
  refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush`);

/** COCO's own category numbers run from 1 to 90 with these left out. */
const COCO_GAPS: ReadonlySet<number> = new Set([12, 26, 29, 30, 45, 66, 68, 69, 71, 83]);

function cocoWithGaps(): readonly string[] {
  const names = COCO[Symbol.iterator]();
  return Array.from({ length: 90 }, (_, i) => (COCO_GAPS.has(i + 1) ? "n/a" : (names.next().value ?? "n/a")));
}

/** The 20 classes of PASCAL VOC. http://host.robots.ox.ac.uk/pascal/VOC */
const VOC = words(`
  aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, motorbike, person, pottedplant,
  sheep, sofa, train, tvmonitor`);

/** Label sets that a manifest or `--labels` may name. */
export const LABEL_SETS: Readonly<Record<string, readonly string[]>> = {
  coco: COCO,
  "coco-90": cocoWithGaps(),
  "coco-91": ["background", ...cocoWithGaps()],
  voc: ["background", ...VOC],
  "voc-20": VOC,
  face: ["face"],
  person: ["person"],
  "background-person": ["background", "person"],
  "person-or-none": ["no person", "person"],
  digits: Array.from({ length: 10 }, (_, i) => String(i)),
};

/**
 * The labels that `labels` stands for: a list as it is, a built-in set, `numbers` (`count` of them), or a file. Throws
 * `E_MODEL_MANIFEST` when there is no such file.
 */
export async function loadLabels(labels: string | readonly string[], baseDir: string, count: number | undefined): Promise<readonly string[]> {
  if (typeof labels !== "string") {
    return labels;
  }
  if (labels === "numbers") {
    return Array.from({ length: count ?? 0 }, (_, i) => String(i));
  }
  const set = LABEL_SETS[labels];
  if (set !== undefined) {
    return set;
  }
  const path = resolve(baseDir, labels);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    const sets = [...Object.keys(LABEL_SETS), "numbers"].join(", ");
    throw new VedetteError("E_MODEL_MANIFEST", { file: labels, reason: `labels: no such file, nor a built-in set (${sets})` }, { cause: error });
  });
  return parseLabels(text);
}

/** One label a line; empty lines inside count, at the end they don't. One line may hold them all, parted by `;`. */
export function parseLabels(text: string): readonly string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === "") {
    lines.pop();
  }
  const [only = ""] = lines;
  return lines.length === 1 && only.includes(";") ? only.split(";").map((label) => label.trim()) : lines;
}

/** Ultralytics' `names` metadata: a Python dictionary, `{0: 'person', 1: "driver's cab"}`. Undefined when it is not one. */
export function parseNames(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) {
    return undefined;
  }
  const names: string[] = [];
  for (const match of text.matchAll(/(\d{1,5})\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g)) {
    names[Number(match[1])] = (match[2] ?? match[3] ?? "").replace(/\\(.)/g, "$1");
  }
  return names.length > 0 ? Array.from(names, (name, i) => (name as string | undefined) ?? String(i)) : undefined; // Holes where a number was left out.
}
