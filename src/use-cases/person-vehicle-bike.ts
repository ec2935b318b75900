import { strokeRect } from "../drawing/rectangle.ts";
import { drawText } from "../drawing/text.ts";
import type { Drawer } from "../contracts/drawer.ts";

/** Labels of person-vehicle-bike-detection-2002, by class number. */
export const PERSON_VEHICLE_BIKE = ["Vehicle", "Person", "Bike"] as const;

/** Blue, green and red, by class number. */
const COLORS = [0x0000ff, 0x00ff00, 0xff0000] as const;
const LETTERS_PX = 22;

/** Draws as OVMS's use case PersonVehicleBikeDetection does: thin boxes, their names up left of the corner. */
export function createPersonVehicleBikeDrawer(): Drawer {
  return {
    draw: (picture, result) => {
      for (const { label, classId, box } of result?.detections ?? []) {
        const color = COLORS[classId] ?? 0xffffff;
        strokeRect(picture, box, color, 1);
        const [x, y] = box;
        drawText(picture, label, x - 10, y - 10 - LETTERS_PX, { sizePx: LETTERS_PX, color });
      }
    },
  };
}
