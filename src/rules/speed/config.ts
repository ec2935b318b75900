import { z } from "zod";
import { commonFields, pointField, pointSchema, subjectFields, unitsField } from "../fields.ts";

/** Settings of this kind of rule, as they are written down. */
export const speedSchema = z.strictObject({
  kind: z.literal("speed"),
  ...commonFields,
  points: z.array(pointSchema).length(4).readonly().describe("Four points on the ground in the picture, in order around"),
  ...unitsField,
  metres: z.array(pointSchema).length(4).readonly().describe("Where the same four points are on the ground, in metres, in any frame of reference"),
  ...subjectFields,
  ...pointField,
  unit: z.enum(["km/h", "m/s", "mph"]).default("km/h").describe("Unit of `above` and of the speeds in events and on the picture"),
  above: z.number().positive().optional().describe("Tells when an object is faster than this"),
  windowS: z.number().min(0.1).default(1).describe("Seconds of path that a speed is taken from: longer is steadier and later"),
  onlyInside: z.boolean().default(true).describe("Measures only between the four points, where the calibration is exact"),
});

/** Settings of this kind of rule, complete. */
export type SpeedConfig = z.output<typeof speedSchema>;
