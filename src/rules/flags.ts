import type { z } from "zod";
import type { lineRule } from "./line/index.ts";
import type { zoneRule } from "./zone/index.ts";
import { VedetteError } from "../errors.ts";
import type { Point } from "../domain/result.ts";

/** `--line NAME=x1,y1,x2,y2` as settings of a rule. Throws `E_USAGE` that shows the form expected. */
export function parseLineFlag(flag: string): z.input<typeof lineRule.schema> {
  const { name, rest } = splitName(flag, "--line", LINE_FORM);
  const values = rest.split(",").map((text) => toNumber(text, flag, "--line", LINE_FORM));
  const [x1, y1, x2, y2] = values;
  if (values.length !== 4 || x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined) {
    throw usage("--line", LINE_FORM, flag, `${values.length} numbers where 4 belong`);
  }
  return { kind: "line", name, points: [[x1, y1], [x2, y2]] };
}

/** `--zone NAME=x,y;x,y;x,y…` as settings of a rule. Throws `E_USAGE` that shows the form expected. */
export function parseZoneFlag(flag: string): z.input<typeof zoneRule.schema> {
  const { name, rest } = splitName(flag, "--zone", ZONE_FORM);
  const corners = rest.split(";").filter((corner) => corner.trim() !== "");
  const points = corners.map((corner): Point => {
    const [x, y, ...more] = corner.split(",").map((text) => toNumber(text, flag, "--zone", ZONE_FORM));
    if (x === undefined || y === undefined || more.length > 0) {
      throw usage("--zone", ZONE_FORM, flag, `"${corner}" is not one corner x,y`);
    }
    return [x, y];
  });
  if (points.length < 3) {
    throw usage("--zone", ZONE_FORM, flag, `${points.length} corners where at least 3 belong`);
  }
  return { kind: "zone", name, points };
}

const LINE_FORM = "NAME=x1,y1,x2,y2";
const ZONE_FORM = "NAME=x,y;x,y;x,y…";

function splitName(flag: string, option: string, form: string): { readonly name: string; readonly rest: string } {
  const at = flag.indexOf("=");
  const name = flag.slice(0, Math.max(0, at)).trim();
  if (name === "") {
    throw usage(option, form, flag, "it has no name");
  }
  return { name, rest: flag.slice(at + 1) };
}

function toNumber(text: string, flag: string, option: string, form: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw usage(option, form, flag, `"${text}" is not a number`);
  }
  return value;
}

function usage(option: string, form: string, flag: string, reason: string): VedetteError {
  return new VedetteError("E_USAGE", { reason: `${option}: expected ${form}, got "${flag}": ${reason}` });
}
