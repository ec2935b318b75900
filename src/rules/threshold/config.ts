import { z } from "zod";
import { commonFields } from "../fields.ts";

/** Settings of this kind of rule, as they are written down. */
export const thresholdSchema = z.strictObject({
  kind: z.literal("threshold"),
  ...commonFields,
  label: z.string().describe("The class whose score is watched"),
  above: z.number().gt(0).max(1).describe("Tells when the mean score over the window reaches this"),
  below: z.number().min(0).max(1).optional().describe("It has ended when the mean falls below this; 0.1 less than `above` when left out"),
  windowS: z.number().min(0).default(1).describe("Seconds over which the mean is taken"),
});

/** Settings of this kind of rule, complete. */
export type ThresholdConfig = z.output<typeof thresholdSchema>;
