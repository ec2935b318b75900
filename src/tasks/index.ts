import { argmax } from "./argmax/index.ts";
import { detectnet } from "./detectnet/index.ts";
import { detr } from "./detr/index.ts";
import { embed } from "./embed/index.ts";
import { image } from "./image/index.ts";
import { logits } from "./logits/index.ts";
import { matte } from "./matte/index.ts";
import { movenet } from "./movenet/index.ts";
import { softmax } from "./softmax/index.ts";
import { ssd } from "./ssd/index.ts";
import { yolo } from "./yolo/index.ts";
import { yoloPose } from "./yolo-pose/index.ts";
import { yolox } from "./yolox/index.ts";
import { yunet } from "./yunet/index.ts";
import type { Family } from "./family.ts";

/** Every output family, the only list. Where several are sure of the same outputs, the earlier one wins. */
export const FAMILIES: readonly Family[] = [
  yunet,
  yoloPose,
  yolox,
  yolo,
  detr,
  ssd,
  detectnet,
  movenet,
  matte,
  image,
  argmax,
  softmax,
  logits,
  embed,
];

/** The family called `name`. */
export function familyNamed(name: string): Family | undefined {
  return FAMILIES.find((family) => family.name === name);
}
