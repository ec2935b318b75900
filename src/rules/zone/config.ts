import { z } from "zod";
import { commonFields, pointField, pointSchema, subjectFields, unitsField } from "../fields.ts";

/** Settings of this kind of rule, as they are written down. */
export const zoneSchema = z.strictObject({
  kind: z.literal("zone"),
  ...commonFields,
  points: z.array(pointSchema).min(3).readonly().describe("The corners, `[[x, y], [x, y], [x, y], …]`, in order around the zone"),
  ...unitsField,
  ...subjectFields,
  ...pointField,
  dwellS: z.number().positive().optional().describe("Tells of everybody who stays longer than this many seconds"),
  crowd: z.int().min(0).optional().describe("Tells when more than this many are inside"),
  crowdForS: z.number().min(0).default(0).describe("How many seconds the crowd must last"),
  events: z
    .array(z.enum(["entered", "left", "dwell", "crowd", "occupancy"]))
    .readonly()
    .default(["entered", "left", "dwell", "crowd"])
    .describe("Which of its events are told. `occupancy` tells every change of the number inside"),
  hysteresis: z
    .number()
    .min(0)
    .max(2)
    .default(0.05)
    .describe("How far beyond the edge, in heights of the object's box, it must be to have entered or left"),
  lostS: z.number().positive().default(2).describe("Seconds after which an object that is not seen any more has left"),
});

/** Settings of this kind of rule, complete. */
export type ZoneConfig = z.output<typeof zoneSchema>;
