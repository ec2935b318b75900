import { z } from "zod";
import { Flock, inFixedOrder, withIds } from "../flock.ts";
import { match, type MatchingRules } from "../matching.ts";
import { defineTracker } from "../../contracts/kinds.ts";
import type { Tracker } from "../../contracts/tracker.ts";

const schema = z.strictObject({
  kind: z.literal("sort"),
  minScore: z.number().min(0).max(1).default(0.35).describe("Lowest score of a detection that is followed"),
  minHits: z.int().min(1).default(3).describe("Analysed frames an object must be seen in before it gets an identity"),
  maxLostS: z.number().min(0).default(0.5).describe("Seconds an object may be unseen and keep its identity"),
  minIou: z.number().min(0).max(1).default(0.3).describe("Overlap of the predicted and the seen box that makes them one object"),
  acrossClasses: z.boolean().default(false).describe("Whether an object may change its class and keep its identity"),
});

/**
 * SORT (Bewley et al., "Simple online and realtime tracking", ICIP 2016): a Kalman filter per object, overlap, and the
 * cheapest assignment. Here with time in seconds. Quick and plain; loses people who cross each other.
 */
export const sortTracker = defineTracker({
  kind: "sort",
  schema,
  create: (config) => createSort(config),
});

function createSort(config: z.output<typeof schema>): Tracker {
  const flock = new Flock(config);
  const rules: MatchingRules = {
    minIou: config.minIou,
    gateSigmas: Infinity,
    reachesBeyondOverlap: false,
    acrossClasses: config.acrossClasses,
    minSimilarity: undefined,
  };
  return {
    wantsEmbeddings: false,
    update: (detections, ptsUs) => {
      flock.begin(ptsUs);
      const seen = inFixedOrder(detections).filter(({ score }) => score >= config.minScore);
      const known = match(flock.confirmed, seen, rules);
      const likely = match(flock.tentative, known.detections, rules);
      return withIds(detections, flock.end([...known.matches, ...likely.matches], likely.detections, ptsUs));
    },
  };
}
