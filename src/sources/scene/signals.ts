import { ball, type Brush } from "./brush.ts";
import type { Point3 } from "./camera.ts";
import type { SIGNAL_POSTS } from "./layout.ts";
import type { Rgb } from "./painter.ts";
import { ellipse } from "./shapes.ts";
import type { Signal } from "./world.ts";

/** The lights at the crossing, for cars and for walkers. */
export function paintSignal(brush: Brush, { x, z, facesZ }: (typeof SIGNAL_POSTS)[number], signal: Signal): void {
  brush.moveTo(x, z);
  const dark: Rgb = [34, 36, 38];
  brush.limb(ball([x, 0, z], 0.06), ball([x, 3.1, z], 0.055), [84, 88, 92]);
  const box = (from: number, to: number, dz: number, half: number): void => {
    brush.face([[x - half, from, z + dz], [x + half, from, z + dz], [x + half, to, z + dz], [x - half, to, z + dz]], dark);
  };
  box(2.35, 3.3, facesZ * 0.1, 0.17);
  const lamp = (at: Point3, color: Rgb, isOn: boolean): void => {
    const { x: px, y: py, r } = brush.disc(ball(at, 0.11));
    brush.painter.fill(ellipse(px, py, r), isOn ? color : brush.shade([color[0] * 0.25, color[1] * 0.25, color[2] * 0.25]));
    if (isOn) {
      brush.halo(at, 0.45, color, 0.25 + 0.35 * brush.light.lamps);
    }
  };
  // From behind, only the housing shows.
  if (facesZ < 0) {
    lamp([x, 3.13, z - 0.12], [255, 52, 40], signal.cars === "red");
    lamp([x, 2.84, z - 0.12], [255, 190, 50], signal.cars === "amber");
    lamp([x, 2.55, z - 0.12], [60, 230, 120], signal.cars === "green");
  }
  const side = -Math.sign(x);
  box(1.75, 2.3, 0, 0.14);
  if (side > 0) {
    lamp([x + 0.12, 2.16, z], [255, 52, 40], signal.walkers === "red");
    lamp([x + 0.12, 1.9, z], [60, 230, 120], signal.walkers === "green");
  }
}
