import { z } from "zod";
import { commonFields, subjectFields } from "../fields.ts";

/** Settings of this kind of rule, as they are written down. */
export const appearSchema = z.strictObject({
  kind: z.literal("appear"),
  ...commonFields,
  ...subjectFields,
  each: z.enum(["class", "object"]).default("class").describe("Tells once per class, or of every tracked object"),
  minFrames: z.int().min(1).default(2).describe("In how many analysed frames it must be seen: one alone is often a mistake of the model's"),
  withinS: z.number().positive().default(2).describe("Within how many seconds those frames must lie"),
  againAfterS: z.number().positive().optional().describe("A class unseen for this many seconds is told again; never when left out"),
});

/** Settings of this kind of rule, complete. */
export type AppearConfig = z.output<typeof appearSchema>;
