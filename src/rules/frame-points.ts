import { configError } from "./config-error.ts";
import type { RuleContext } from "../contracts/kinds.ts";
import type { Point } from "../domain/result.ts";

/** Points of a rule's configuration, and how they are meant. */
export interface PointsConfig {
  readonly name: string;
  readonly points: readonly Point[];
  readonly units?: "relative" | "pixels" | undefined;
}

/**
 * A rule's points on pictures of any size. Points that cannot lie in a picture (negative, relative beyond 1, outside a
 * size already known) are refused at once: an event that can never happen is worse than a program that does not start.
 * When the size only shows later, points outside it are told of once, and the rule goes on.
 */
export class FramePoints {
  readonly #config: PointsConfig;
  readonly #units: "relative" | "pixels";
  readonly #warn: ((message: string) => void) | undefined;
  #size = "";
  #points: readonly Point[] = [];

  constructor(config: PointsConfig, context: RuleContext) {
    this.#config = config;
    const values = config.points.flat();
    // One pixel at the corner is no use to anybody, so small values can only be shares.
    this.#units = config.units ?? (values.every((value) => value <= 1) ? "relative" : "pixels");
    this.#warn = context.warn;
    this.#check(context.frame);
  }

  /** The points in source pixels of pictures of this size. */
  on(width: number, height: number): readonly Point[] {
    const size = `${width}x${height}`;
    if (size !== this.#size) {
      this.#size = size;
      this.#points = this.#units === "pixels" ? this.#config.points : this.#config.points.map(([x, y]) => [x * width, y * height]);
      const outside = this.#outside(width, height);
      if (outside !== undefined) {
        this.#warn?.(`rule "${this.#config.name}": points: ${outside}`);
      }
    }
    return this.#points;
  }

  #check(frame: RuleContext["frame"]): void {
    const { name, points } = this.#config;
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        throw configError(name, "points", `expected numbers, got [${x}, ${y}]`);
      }
      if (x < 0 || y < 0) {
        throw configError(name, "points", `[${x}, ${y}] lies outside the picture: expected values from 0`);
      }
      if (this.#units === "relative" && (x > 1 || y > 1)) {
        throw configError(name, "points", `[${x}, ${y}] lies outside the picture: relative values go from 0 to 1 (units: pixels counts pixels)`);
      }
    }
    const outside = frame === undefined ? undefined : this.#outside(frame.width, frame.height);
    if (outside !== undefined) {
      throw configError(name, "points", outside);
    }
  }

  #outside(width: number, height: number): string | undefined {
    const point = this.#units === "pixels" ? this.#config.points.find(([x, y]) => x > width || y > height) : undefined;
    return point === undefined ? undefined : `[${point[0]}, ${point[1]}] lies outside the picture of ${width}x${height} pixels`;
  }
}
