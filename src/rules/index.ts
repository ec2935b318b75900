import { absenceRule } from "./absence/index.ts";
import { appearRule } from "./appear/index.ts";
import { lineRule } from "./line/index.ts";
import { speedRule } from "./speed/index.ts";
import { thresholdRule } from "./threshold/index.ts";
import { zoneRule } from "./zone/index.ts";

/** Every kind of rule: the configuration's union and the reference page follow from this list. */
export const RULES = [lineRule, zoneRule, absenceRule, appearRule, thresholdRule, speedRule] as const;
