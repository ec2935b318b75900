import { z } from "zod";
import { defineEngine } from "../../contracts/kinds.ts";
import { MOTION_DEFAULTS } from "./detect-motion.ts";
import { createMotionEngine } from "./motion-engine.ts";

const schema = z.strictObject({
  kind: z.literal("motion"),
  minArea: z.number().min(0).max(1).default(MOTION_DEFAULTS.minArea).describe("Smallest moving region reported, as a share of the picture"),
  minChange: z.number().min(1).max(255).default(MOTION_DEFAULTS.minChange).describe("Smallest change of brightness that counts, in levels of 255"),
});

/** Moving regions as detections, on any camera and without a model. */
export const motionEngine = defineEngine({
  kind: "motion",
  schema,
  addresses: ["motion"],
  fromAddress: (address) => (address === "motion" ? { kind: "motion" as const } : undefined),
  open: ({ minArea, minChange }, _model, _interpreter, _context, signal) => {
    signal.throwIfAborted();
    return Promise.resolve(createMotionEngine({ minArea, minChange }));
  },
});
