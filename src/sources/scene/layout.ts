/** Where things are in the street, in metres. The road lies between x = -5 and 5, the camera hangs over x = 9. */

/** A lane, for cars or for bicycles. */
export interface Lane {
  readonly for: "vehicle" | "bicycle";
  readonly x: number;
  /** +1 drives away from the camera, -1 towards it. */
  readonly direction: 1 | -1;
  readonly fromZ: number;
  readonly toZ: number;
  /** Where to stop on red. */
  readonly stopZ: number;
  /** How often somebody comes along, on average. */
  readonly meanArrivalS: number;
}

/** Half the road's width: where the kerbs are. */
export const KERB_X = 5;
/** Where the pavements end at the houses. */
export const FACADE_X = 9.6;
/** The pedestrian crossing, from kerb to kerb. */
export const ZEBRA = { fromZ: 14.6, toZ: 19 } as const;
/** Where people who cross the road are counted: a line along it, off the middle, where the two crowds do not meet. */
export const COUNTING_X = 3.1;
/** How far the street is drawn. */
export const STREET = { fromZ: -14, toZ: 150 } as const;

/** Traffic keeps to the right. */
export const LANES: readonly Lane[] = [
  { for: "vehicle", x: 1.75, direction: 1, fromZ: -34, toZ: 130, stopZ: 11.8, meanArrivalS: 6.5 },
  { for: "vehicle", x: -1.75, direction: -1, fromZ: 110, toZ: -34, stopZ: 21.6, meanArrivalS: 6.5 },
  { for: "bicycle", x: 4.1, direction: 1, fromZ: -24, toZ: 110, stopZ: 11, meanArrivalS: 13 },
  { for: "bicycle", x: -4.1, direction: -1, fromZ: 90, toZ: -24, stopZ: 20.4, meanArrivalS: 13 },
];

/** Where people stand while they wait, on the near side (the far side mirrors it); the best places first. */
export const WAITING_SPOTS: readonly { readonly x: number; readonly z: number }[] = [
  { x: 5.55, z: 16.9 }, { x: 5.6, z: 15.4 }, { x: 5.55, z: 18.3 }, { x: 6.45, z: 16.1 }, { x: 6.4, z: 17.6 }, { x: 6.5, z: 14.7 },
];

/** The waiting zone on the near pavement, as a rectangle on the ground. */
export const WAITING_ZONE = { fromX: 5.15, toX: 6.95, fromZ: 14.1, toZ: 19.1 } as const;
/** Street lamps: on the kerbs, with arms over the road. */
export const LAMP_POSTS: readonly { readonly x: number; readonly z: number }[] = [
  { x: -5.5, z: 12 }, { x: -5.5, z: 27 }, { x: -5.5, z: 44 }, { x: -5.5, z: 64 }, { x: 5.5, z: 24 }, { x: 5.5, z: 40 }, { x: 5.5, z: 60 },
];
/** Signal posts at the crossing. */
export const SIGNAL_POSTS: readonly { readonly x: number; readonly z: number; readonly facesZ: 1 | -1 }[] = [
  { x: 5.35, z: 13.9, facesZ: -1 }, { x: -5.35, z: 19.7, facesZ: 1 },
];
/** Trees along both kerbs, farthest first. */
export const TREES: readonly { readonly x: number; readonly z: number; readonly heightM: number }[] = [
  { x: 5.8, z: 72, heightM: 7 }, { x: -5.7, z: 70, heightM: 7 }, { x: -5.7, z: 52, heightM: 6.4 }, { x: 5.8, z: 50, heightM: 6.6 },
  { x: -5.7, z: 39, heightM: 6.8 }, { x: 5.8, z: 34, heightM: 6.2 }, { x: -5.7, z: 33, heightM: 6 }, { x: -5.7, z: 23, heightM: 6.6 }, { x: -5.7, z: 6.5, heightM: 6.2 },
];
