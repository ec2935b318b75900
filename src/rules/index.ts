import { lineRule } from "./line/index.ts";

/** Every kind of rule: the configuration's union and the reference page follow from this list. */
export const RULES = [lineRule] as const;
