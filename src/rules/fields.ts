import { z } from "zod";

/** Settings that several kinds of rules share, so that one word means one thing everywhere. */

/** What every rule has. A name may not hold a slash: it is a part of event ids. */
export const commonFields = {
  name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[^/\p{Cc}]+$/u, "expected a name without slashes and control characters")
    .describe("Name of the rule: in events, topics and on the picture. Unique within a stream"),
};

/** Which detections a rule looks at. */
export const subjectFields = {
  classes: z.array(z.string()).readonly().optional().describe("Labels it looks at; all of the model's when left out"),
  minScore: z.number().min(0).max(1).default(0).describe("Lowest score it looks at"),
};

/** Which point of a box says where the object is. */
export const pointField = {
  point: z
    .enum(["feet", "center"])
    .default("feet")
    .describe("Which point of the box counts: `feet` is the middle of its lower edge, where the object touches the ground"),
};

/** How coordinates are meant. */
export const unitsField = {
  units: z
    .enum(["relative", "pixels"])
    .optional()
    .describe("`relative`: shares of the picture, 0…1; `pixels`: source pixels. Left out: relative when every value is at most 1"),
};

/** One `[x, y]`. */
export const pointSchema = z.tuple([z.number(), z.number()]).readonly();
