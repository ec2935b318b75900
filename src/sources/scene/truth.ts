import type { Box } from "../../domain/result.ts";
import type { Painter } from "./painter.ts";
import { WAITING_ZONE } from "./layout.ts";
import type { Actor, World } from "./world.ts";

/** The demo model's classes, in its order. A bicycle is meant with its rider. */
export const STREET_LABELS = ["person", "bicycle", "vehicle"] as const;

/** Somebody or something that can be seen in a frame. */
export interface TrueObject {
  /** Stable over time, unique in a scene. */
  readonly id: number;
  readonly label: (typeof STREET_LABELS)[number];
  /** Around the pixels that can be seen, in pixels of the picture. */
  readonly box: Box;
  /** Visible share of the pixels that lie in the picture, 0…1. */
  readonly visibility: number;
  /** Visible pixels. */
  readonly areaPx: number;
}

/** What is in a frame, exactly. */
export interface Truth {
  readonly timeS: number;
  readonly objects: readonly TrueObject[];
  /** People in the waiting zone, seen or not. */
  readonly waiting: number;
  /** Passages over the counting line since the start, by direction: seen from the near pavement. */
  readonly crossed: { readonly away: number; readonly back: number };
}

/** Reads the truth off the painter's owners. Owner n is actor n - 1. */
export function truthOf(painter: Painter, actors: readonly Actor[], world: World, timeS: number): Truth {
  const boxes = extents(painter, actors.length);
  const objects: TrueObject[] = [];
  actors.forEach((actor, index) => {
    const at = (index + 1) * 5;
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, areaPx = 0] = boxes.subarray(at, at + 5);
    if (areaPx > 0) {
      const visibility = Math.min(1, areaPx / Math.max(1, painter.painted[index + 1] ?? 0));
      objects.push({ id: actor.id, label: actor.kind, box: [x1, y1, x2 + 1, y2 + 1], visibility, areaPx });
    }
  });
  const crossed = world.crossings.filter(({ timeS: at }) => at > 0);
  const away = crossed.filter((crossing) => crossing.away).length;
  return {
    timeS, objects,
    waiting: actors.filter((actor) => actor.kind === "person" && isInZone(actor.x, actor.z)).length,
    crossed: { away, back: crossed.length - away },
  };
}

function isInZone(x: number, z: number): boolean {
  return x > WAITING_ZONE.fromX && x < WAITING_ZONE.toX && z > WAITING_ZONE.fromZ && z < WAITING_ZONE.toZ;
}

/** Per owner: smallest and largest column and row, and the number of its pixels. */
function extents({ owners, width, height }: Painter, count: number): Int32Array {
  const out = new Int32Array((count + 1) * 5);
  for (let owner = 0; owner <= count; owner++) {
    out[owner * 5] = width;
    out[owner * 5 + 1] = height;
    out[owner * 5 + 2] = -1;
    out[owner * 5 + 3] = -1;
  }
  for (let row = 0; row < height; row++) {
    for (let i = row * width, x = 0; x < width; i++, x++) {
      const owner = owners[i] as number;
      if (owner !== 0) {
        const at = owner * 5;
        if (x < (out[at] as number)) {
          out[at] = x;
        }
        if (row < (out[at + 1] as number)) {
          out[at + 1] = row;
        }
        if (x > (out[at + 2] as number)) {
          out[at + 2] = x;
        }
        if (row > (out[at + 3] as number)) {
          out[at + 3] = row;
        }
        out[at + 4] = (out[at + 4] as number) + 1;
      }
    }
  }
  return out;
}

/**
 * Whether a detector is expected to find an object: large enough, and not mostly hidden. Others are neither asked for nor
 * held against it.
 */
export function isExpected({ box, visibility }: TrueObject, pictureHeight: number): boolean {
  const [x1, y1, x2, y2] = box;
  const smallest = (24 * pictureHeight) / 540;
  return visibility >= 0.5 && y2 - y1 >= smallest && x2 - x1 >= smallest * 0.4;
}
