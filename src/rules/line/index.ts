import { lineSchema } from "./config.ts";
import { LineRule } from "./line-rule.ts";
import { configError } from "../config-error.ts";
import { defineRule } from "../../contracts/kinds.ts";

/** Counts who crosses a line, each way. */
export const lineRule = defineRule({
  kind: "line",
  schema: lineSchema,
  create: (config, context) => {
    const [[x1, y1], [x2, y2]] = config.points;
    if (x1 === x2 && y1 === y2) {
      throw configError(config.name, "points", `a line needs two different points, got [${x1}, ${y1}] twice`);
    }
    return new LineRule(config, context);
  },
});
