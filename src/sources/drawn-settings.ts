import { z } from "zod";
import { VedetteError } from "../errors.ts";

/** Settings of every drawn source. */
export const drawnSettings = {
  size: z.string().regex(/^\d{2,4}x\d{2,4}$/, "expected WIDTHxHEIGHT in pixels").default("960x540").describe("Size of the picture, WIDTHxHEIGHT in pixels"),
  fps: z.number().min(1).max(120).default(25).describe("Frames per second"),
  frames: z.int().min(1).optional().describe("Ends after this many frames; never by itself when left out"),
  durationS: z.number().positive().optional().describe("Ends after this many seconds; never by itself when left out"),
  realtime: z.boolean().default(true).describe("Plays by the clock, as a camera; otherwise every frame as fast as it is taken"),
};

/** {@link drawnSettings} as parsed. */
export type DrawnSettings = z.output<z.ZodObject<typeof drawnSettings>>;

/** Width and height behind `960x540`. */
export function parseSize(size: string): { readonly width: number; readonly height: number } {
  const [width = 0, height = 0] = size.split("x").map(Number);
  return { width, height };
}

/** How many frames the settings ask for; Infinity when they name no end. */
export function frameCountOf({ frames = Infinity, durationS = Infinity, fps }: Pick<DrawnSettings, "frames" | "durationS" | "fps">): number {
  return Math.min(frames, Math.round(durationS * fps));
}

/**
 * What stands behind the question mark of `scene:street?seed=3&fps=10` as settings. The names are those of the
 * configuration, and `duration` is short for `durationS`. Throws `E_CONFIG` for other names and for values that are no
 * number where one belongs.
 */
export function settingsOf(address: string, shape: Readonly<Record<string, z.ZodType>>): Record<string, string | number | boolean> {
  const question = address.indexOf("?");
  const out: Record<string, string | number | boolean> = {};
  for (const [given, value] of new URLSearchParams(question < 0 ? "" : address.slice(question + 1))) {
    const name = `${given}S` in shape && !(given in shape) ? `${given}S` : given;
    if (!(name in shape)) {
      throw new VedetteError("E_CONFIG", { where: address, reason: `unknown setting "${given}", expected ${Object.keys(shape).join(", ")}` });
    }
    if (name === "realtime") {
      if (!["0", "1", "true", "false"].includes(value)) {
        throw new VedetteError("E_CONFIG", { where: address, reason: `${given}: expected 0 or 1, got "${value}"` });
      }
      out[name] = value === "1" || value === "true";
    } else if (name === "size") {
      out[name] = value;
    } else if (value.trim() === "" || !Number.isFinite(Number(value))) {
      throw new VedetteError("E_CONFIG", { where: address, reason: `${given}: expected a number, got "${value}"` });
    } else {
      out[name] = Number(value);
    }
  }
  return out;
}
