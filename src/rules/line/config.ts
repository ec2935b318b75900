import { z } from "zod";
import { commonFields, pointField, pointSchema, subjectFields, unitsField } from "../fields.ts";

/** Settings of a line, as they are written down. */
export const lineSchema = z.strictObject({
  kind: z.literal("line"),
  ...commonFields,
  points: z.tuple([pointSchema, pointSchema]).readonly().describe("The two ends, `[[x1, y1], [x2, y2]]`"),
  ...unitsField,
  ...subjectFields,
  ...pointField,
  directions: z
    .enum(["both", "in", "out"])
    .default("both")
    .describe("Which crossings make events; both are counted always. `in` goes to the right-hand side of the way from the first point to the second"),
  hysteresis: z
    .number()
    .min(0)
    .max(2)
    .default(0.05)
    .describe("How far beyond the line, in heights of the object's box, it must be to have crossed: standing on the line counts nothing"),
  maxGapS: z.number().positive().default(2).describe("An object unseen for longer may have gone any way: nothing is counted for the gap"),
});

/** Settings of a line, complete. */
export type LineConfig = z.output<typeof lineSchema>;
