import { z } from "zod";
import { commonFields, pointField, pointSchema, subjectFields, unitsField } from "../fields.ts";

/** Settings of this kind of rule, as they are written down. */
export const absenceSchema = z.strictObject({
  kind: z.literal("absence"),
  ...commonFields,
  afterS: z.number().positive().describe("Tells when nothing was seen for this many seconds"),
  points: z.array(pointSchema).min(3).readonly().optional().describe("Looks at this zone only; at the whole picture when left out"),
  ...unitsField,
  ...subjectFields,
  ...pointField,
  maxGapS: z.number().positive().default(5).describe("Time without results counts up to this: a camera that was away saw nothing, and nobody"),
});

/** Settings of this kind of rule, complete. */
export type AbsenceConfig = z.output<typeof absenceSchema>;
