import type { Detection, Result } from "../domain/result.ts";
import type { Drawer } from "../contracts/drawer.ts";
import { drawText } from "./text.ts";

/** The two wordings of slipstream's counters: that of its first version, and that of its version 1.1. */
export type CounterStyle = "1.0" | "1.1";

/** What slipstream's detector tells apart. */
type Counted = "vehicle" | "cycle" | "person" | "sign";

/** Labels of its own detector and their usual synonyms. */
const COUNTED: Readonly<Record<string, Counted>> = {
  vehicle: "vehicle",
  car: "vehicle",
  truck: "vehicle",
  bus: "vehicle",
  bicycle: "cycle",
  cycle: "cycle",
  bike: "cycle",
  "two-wheeler": "cycle",
  twowheeler: "cycle",
  person: "person",
  "road sign": "sign",
  roadsign: "sign",
  road_sign: "sign",
  sign: "sign",
};

/**
 * The line slipstream prints and draws for each frame, to the letter. Every object counts in the total; those of other
 * classes in nothing else. Without a result there are no objects.
 */
export function counterLine(result: Pick<Result, "detections"> | undefined, frameNumber: number, style: CounterStyle): string {
  const detections = result?.detections ?? [];
  const count = (what: Counted): number => detections.filter((detection) => countedAs(detection) === what).length;
  return style === "1.0"
    ? `Frame Number=${frameNumber} Number of Objects=${detections.length} Vehicle_count=${count("vehicle")} Person_count=${count("person")}`
    : `Frame=${frameNumber}  Objects=${detections.length}  Vehicles=${count("vehicle")}  Cycles=${count("cycle")}  Persons=${count("person")}  Signs=${count("sign")}`;
}

function countedAs(detection: Detection): Counted | undefined {
  const label = detection.label.trim().toLowerCase();
  return Object.hasOwn(COUNTED, label) ? COUNTED[label] : undefined;
}

/** Points of a font in pixels, as pango draws it for `nvdsosd` at 96 dots per inch. */
const PIXELS_PER_POINT = 96 / 72;

/**
 * Draws {@link counterLine} where slipstream has it: at (10, 12), in letters of 10 points, white on opaque black.
 * Frames are numbered by `result.seq`; without a result nothing is drawn.
 */
export function createCounterOverlay(style: CounterStyle): Drawer {
  const text = { sizePx: Math.round(10 * PIXELS_PER_POINT), color: 0xffffff, background: 0x000000 };
  return {
    draw: (picture, result) => {
      if (result !== undefined) {
        drawText(picture, counterLine(result, result.seq, style), 10, 12, text);
      }
    },
  };
}
