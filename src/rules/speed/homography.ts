import type { Point } from "../../domain/result.ts";

/** Maps points of the picture to the ground. */
export interface Homography {
  /** Where on the ground a point of the picture lies; undefined at and beyond the horizon. */
  toGround(point: Point): Point | undefined;
}

/**
 * The plane projective map that takes four points to four others (Hartley and Zisserman, "Multiple View Geometry",
 * 2nd ed., §4.1): eight linear equations, solved by elimination with pivots. Undefined when three of the points lie on
 * one line.
 */
export function createHomography(from: readonly Point[], to: readonly Point[]): Homography | undefined {
  const equations = from.flatMap(([x, y], i) => {
    const [u, v] = to[i] ?? [0, 0];
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ];
  });
  const solved = solve(equations);
  if (solved === undefined) {
    return undefined;
  }
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = solved;
  const depthAt = ([x, y]: Point): number => g * x + h * y + 1;
  // The calibrated points lie before the horizon; whatever has the other sign lies behind it.
  const side = Math.sign(depthAt(from[0] ?? [0, 0]));
  return {
    toGround: (point) => {
      const depth = depthAt(point);
      return depth * side <= 1e-9 ? undefined : [(a * point[0] + b * point[1] + c) / depth, (d * point[0] + e * point[1] + f) / depth];
    },
  };
}

/** Gaussian elimination with partial pivoting; each row ends with its right-hand side. Undefined when singular. */
function solve(rows: readonly (readonly number[])[]): readonly number[] | undefined {
  let open = rows.map((row) => [...row]);
  const done: { readonly column: number; readonly row: readonly number[] }[] = [];
  for (let column = 0; column < rows.length; column++) {
    const pivot = open.toSorted((p, q) => Math.abs(q[column] ?? 0) - Math.abs(p[column] ?? 0))[0];
    const lead = pivot?.[column] ?? 0;
    const scale = Math.max(1e-300, ...(pivot ?? []).map(Math.abs));
    if (pivot === undefined || Math.abs(lead) < 1e-12 * scale) {
      return undefined;
    }
    const row = pivot.map((value) => value / lead);
    done.push({ column, row });
    open = open.filter((other) => other !== pivot).map((other) => other.map((value, i) => value - (other[column] ?? 0) * (row[i] ?? 0)));
  }
  const solution = new Array<number>(rows.length).fill(0);
  for (const { column, row } of done.reverse()) {
    let value = row.at(-1) ?? 0;
    for (let i = column + 1; i < rows.length; i++) {
      value -= (row[i] ?? 0) * (solution[i] ?? 0);
    }
    solution[column] = value;
  }
  return solution;
}
