import { createOverlay } from "../drawing/overlay.ts";
import type { UseCase } from "./definition.ts";
import { edges } from "./edges.ts";
import { invert } from "./invert.ts";
import { passthrough } from "./passthrough.ts";

/** One use case per task: its models' results, drawn in the standard way. */
const tasks: readonly UseCase[] = (
  [
    ["detect", "boxes and names of what a detector finds"],
    ["classify", "the name of what the whole picture shows"],
    ["segment", "the classes of a segmentation in colour, or a person's matte"],
    ["pose", "the joints and bones of people"],
    ["embed", "appearance vectors, which have no picture: the original one"],
    ["image", "the picture that a network makes of it"],
  ] as const
).map(([task, summary]) => ({ name: task, summary, task, create: () => createOverlay() }));

/** What moves, found without a model. */
const motion: UseCase = {
  name: "motion",
  summary: "boxes around what moves, on any camera, without a model",
  engine: "motion",
  create: () => createOverlay({ scores: false }),
};

/** Every use case that comes with Vedette. One line each. */
export const USE_CASES: readonly UseCase[] = [passthrough, invert, edges, motion, ...tasks];
