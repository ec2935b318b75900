import { logits } from "./logits/index.ts";
import { softmax } from "./softmax/index.ts";
import { yolox } from "./yolox/index.ts";
import type { Family } from "./family.ts";

/**
 * Every output family, the only list. Order matters where several fit: the more particular come first.
 */
export const FAMILIES: readonly Family[] = [
  yolox,
  softmax,
  logits,
];

/** The family called `name`. */
export function familyNamed(name: string): Family | undefined {
  return FAMILIES.find((family) => family.name === name);
}
