import { z } from "zod";
import { Acquaintances } from "../acquaintances.ts";
import { Flock, inFixedOrder, withIds } from "../flock.ts";
import { match, type MatchingRules } from "../matching.ts";
import { defineTracker } from "../../contracts/kinds.ts";
import type { Tracker } from "../../contracts/tracker.ts";

const schema = z.strictObject({
  kind: z.literal("bytetrack"),
  highScore: z.number().min(0).max(1).default(0.35).describe("Score from which a detection can begin a track and is matched first"),
  lowScore: z.number().min(0).max(1).default(0.1).describe("Score from which a detection can continue a track"),
  minHits: z.int().min(1).default(2).describe("Analysed frames an object must be seen in before it gets an identity"),
  maxLostS: z.number().min(0).default(1.5).describe("Seconds an object may be unseen and keep its identity"),
  minIou: z.number().min(0).max(1).default(0.2).describe("Overlap of the predicted and the seen box that makes them one object"),
  reid: z
    .strictObject({
      minSimilarity: z.number().min(0).lt(1).default(0.88).describe("Cosine similarity from which two looks are of one object; depends on the model"),
      maxAgeS: z.number().min(0).default(600).describe("Seconds for which somebody who has gone is remembered; 0 uses looks from frame to frame only"),
      afterS: z
        .number()
        .min(0)
        .default(1.5)
        .describe("Seconds a newcomer is looked at before it is decided who it is; it has no identity until then. Who is only half in the picture looks like anybody"),
    })
    .optional()
    .describe("Knows objects by their looks, also after a long absence; needs an `embed` model"),
  acrossClasses: z.boolean().default(false).describe("Whether an object may change its class and keep its identity"),
});

/** Weak detections count only where they lie well upon a track: they are often half a person, or nobody. */
const LOW_SCORE_MIN_IOU = 0.4;
/** How far from where it is expected an object may be found. Fewer lose people who turn, more mix up those who cross. */
const GATE_SIGMAS = 4;

/**
 * ByteTrack (Zhang et al., "ByteTrack: multi-object tracking by associating every detection box", ECCV 2022; arXiv
 * 2110.06864, 2021): sure detections are matched first, then the weak ones continue tracks that found nothing, which
 * carries people through partial occlusion. Here with time in seconds, and looks beside overlap where a model gives them
 * (as DeepSORT, Wojke et al. 2017, and BoT-SORT, Aharon et al. 2022).
 */
export const bytetrackTracker = defineTracker({
  kind: "bytetrack",
  schema,
  create: (config) => createByteTrack(config),
});

function createByteTrack(config: z.output<typeof schema>): Tracker {
  const { reid } = config;
  const flock = new Flock({ ...config, acquaintances: reid === undefined ? undefined : new Acquaintances(reid) });
  const sure: MatchingRules = {
    minIou: config.minIou,
    gateSigmas: GATE_SIGMAS,
    reachesBeyondOverlap: true,
    acrossClasses: config.acrossClasses,
    minSimilarity: reid?.minSimilarity,
  };
  const weak: MatchingRules = { ...sure, minIou: LOW_SCORE_MIN_IOU, reachesBeyondOverlap: false, minSimilarity: undefined };
  return {
    wantsEmbeddings: reid !== undefined,
    update: (detections, ptsUs) => {
      flock.begin(ptsUs);
      const ordered = inFixedOrder(detections);
      const high = ordered.filter(({ score }) => score >= config.highScore);
      const low = ordered.filter(({ score }) => score < config.highScore && score >= config.lowScore);
      const first = match(flock.confirmed, high, sure);
      // Objects lost for some frames are found again by sure detections only.
      const second = match(first.tracklets.filter((tracklet) => tracklet.isSeen), low, weak);
      const third = match(flock.tentative, first.detections, sure);
      return withIds(detections, flock.end([...first.matches, ...second.matches, ...third.matches], third.detections, ptsUs));
    },
  };
}
