import { bytetrackTracker } from "./bytetrack/index.ts";
import { sortTracker } from "./sort/index.ts";

/** Every kind of tracker: the configuration's union and the reference page follow from this list. */
export const TRACKERS = [bytetrackTracker, sortTracker] as const;
