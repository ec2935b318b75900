import { jsonlOutput } from "./jsonl/index.ts";

/** Every kind of output. One line each. */
export const OUTPUTS = [jsonlOutput] as const;
