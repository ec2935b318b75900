import { Camera, type Point3 } from "./camera.ts";
import { COUNTING_X, KERB_X, WAITING_ZONE, ZEBRA } from "./layout.ts";

/** What `vedette demo` watches in the street, in the terms of the configuration. Points are shares of the picture. */
export interface DemoDefaults {
  readonly address: string;
  /** The trained network, relative to the package's folder. */
  readonly model: string;
  readonly classes: readonly string[];
  /** How the network's detections are followed: what it is less sure of continues a track but begins none. */
  readonly track: { readonly kind: "bytetrack"; readonly highScore: number };
  /** People who cross the road: a line along it, on the pedestrian crossing. */
  readonly line: { readonly name: string; readonly points: readonly (readonly [number, number])[]; readonly classes: readonly string[] };
  /** People who wait for green on the near pavement. */
  readonly zone: { readonly name: string; readonly points: readonly (readonly [number, number])[]; readonly classes: readonly string[] };
}

/** Corners of the ground as shares of the picture: the same for every size of 16:9. */
function onPicture(points: readonly Point3[]): (readonly [number, number])[] {
  const camera = new Camera(1600, 900);
  return points.map((point) => {
    const { x, y } = camera.project(...point);
    return [Math.round((x / camera.width) * 1e4) / 1e4, Math.round((y / camera.height) * 1e4) / 1e4] as const;
  });
}

const { fromX, toX, fromZ, toZ } = WAITING_ZONE;

/** The demo's line and zone: projected from the street's own measures, so that they lie where the scene counts. */
export const demoDefaults: DemoDefaults = {
  address: "scene:street",
  model: "demo/assets/street.yaml",
  classes: ["person", "bicycle", "vehicle"],
  track: { kind: "bytetrack", highScore: 0.55 },
  line: {
    name: "crossing",
    points: onPicture([[COUNTING_X, 0, ZEBRA.fromZ - 1.2], [COUNTING_X, 0, ZEBRA.toZ + 1.2]]),
    classes: ["person"],
  },
  zone: {
    name: "waiting",
    // From the kerb stone to where passers-by keep.
    points: onPicture([[Math.max(KERB_X, fromX), 0, fromZ], [toX, 0, fromZ], [toX, 0, toZ], [Math.max(KERB_X, fromX), 0, toZ]]),
    classes: ["person"],
  },
};
