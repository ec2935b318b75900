import type { Detection, Mask, Result } from "../domain/result.ts";
import type { Drawer } from "../contracts/drawer.ts";
import type { OverlayShape } from "../contracts/rule.ts";
import type { YuvPicture } from "../domain/picture.ts";
import { drawImage } from "./image.ts";
import { drawClassMap, drawMatte } from "./mask.ts";
import type { MatteStyle } from "./mask.ts";
import { colorOf } from "./palette.ts";
import { drawPolyline, fillCircle, fillPolygon, strokePolygon } from "./polygon.ts";
import { strokeRect } from "./rectangle.ts";
import { drawKeypoints } from "./skeleton.ts";
import { drawText, measureText, readableOn } from "./text.ts";

/** What is drawn, and how. Everything has a default that suits most pictures. */
export interface OverlayOptions {
  /** Names beside boxes. */
  readonly labels?: boolean;
  /** Scores beside names. */
  readonly scores?: boolean;
  /** Size of lines and letters relative to the picture's own; 1 is 3 px and 24 px on 1080 rows. */
  readonly scale?: number;
  /** Keypoints below this score are left out, 0…1. */
  readonly minKeypointScore?: number;
  /** Opacity of class maps, 0…1. */
  readonly maskOpacity?: number;
  /** Leaves class 0 of class maps as it is, where NVSS darkens it. */
  readonly keepBackground?: boolean;
  /** What happens behind a matte. */
  readonly matte?: MatteStyle;
}

/** Line width and letter size for a picture, in pixels. */
interface Sizes {
  readonly line: number;
  readonly text: number;
}

/** The standard picture of results: boxes, names, poses, masks, and what the rules show. */
export function createOverlay(options: OverlayOptions = {}): Drawer {
  const all: Required<OverlayOptions> = {
    labels: true,
    scores: true,
    scale: 1,
    minKeypointScore: 0.3,
    maskOpacity: 0.5,
    keepBackground: false,
    matte: { background: "tint", color: 0x103018, opacity: 0.75 },
    ...options,
  };
  return {
    draw: (picture, result, shapes) => {
      const sizes = sizesFor(picture, all.scale);
      if (result !== undefined) {
        drawGround(picture, result, all);
      }
      for (const shape of shapes.filter(({ shape }) => shape !== "text")) {
        drawShape(picture, shape, sizes);
      }
      if (result !== undefined) {
        drawObjects(picture, result, all, sizes);
      }
      for (const shape of shapes.filter(({ shape }) => shape === "text")) {
        drawShape(picture, shape, sizes);
      }
    },
  };
}

function sizesFor(picture: YuvPicture, scale: number): Sizes {
  // The shorter side, so that upright pictures of phones get letters of the same size.
  const side = Math.min(picture.width, picture.height);
  // Letters shrink more slowly than pictures: they are looked at from the same distance.
  return { line: Math.max(1, Math.round(Math.max(2, side / 360) * scale)), text: Math.max(9, Math.round(Math.max(12, 6 + side / 60) * scale)) };
}

/** What covers large parts of the picture comes first, so that lines, boxes and names stay readable on top. */
function drawGround(picture: YuvPicture, result: Result, options: Required<OverlayOptions>): void {
  if (result.image !== undefined) {
    drawImage(picture, result.image);
  }
  if (result.segments?.mask !== undefined) {
    drawMask(picture, result.segments.mask, options);
  }
}

function drawObjects(picture: YuvPicture, result: Result, options: Required<OverlayOptions>, sizes: Sizes): void {
  const keypointStyle = { minScore: options.minKeypointScore, thickness: sizes.line };
  const detections = result.detections ?? [];
  for (const detection of detections) {
    strokeRect(picture, detection.box, detectionColor(detection), sizes.line);
  }
  for (const pose of result.poses ?? []) {
    drawKeypoints(picture, pose.keypoints, keypointStyle);
  }
  for (const detection of detections) {
    drawKeypoints(picture, detection.keypoints ?? [], { minScore: 0, thickness: sizes.line });
    if (options.labels) {
      drawLabel(picture, detection.box[0], detection.box[1], describe(detection, options.scores), detectionColor(detection), sizes);
    }
  }
  const [best] = result.classes ?? [];
  if (best !== undefined) {
    drawClassification(picture, options.scores ? `${best.label} ${percent(best.score)}` : best.label);
  }
}

function drawMask(picture: YuvPicture, mask: Mask, options: Required<OverlayOptions>): void {
  if (mask.kind === "classes") {
    drawClassMap(picture, mask, options.maskOpacity, options.keepBackground);
  } else {
    drawMatte(picture, mask, options.matte);
  }
}

function detectionColor(detection: Detection): number {
  return colorOf(detection.trackId ?? detection.classId);
}

function describe(detection: Detection, withScore: boolean): string {
  const identity = detection.trackId === undefined ? "" : ` #${detection.trackId}`;
  return `${detection.label}${identity}${withScore ? ` ${percent(detection.score)}` : ""}`;
}

function percent(score: number): string {
  return `${Math.round(score * 100)}%`;
}

/** A name on its colour, sitting on the top edge of a box; inside it where there is no room above. */
function drawLabel(picture: YuvPicture, x: number, y: number, text: string, color: number, sizes: Sizes): void {
  const style = { sizePx: sizes.text, color: readableOn(color), background: color };
  const size = measureText(text, style);
  const left = Math.max(0, Math.min(Math.round(x), picture.width - size.width));
  const above = Math.round(y) - size.height;
  drawText(picture, text, left, above >= 0 ? above : Math.max(0, Math.round(y)), style);
}

/**
 * The whole picture's class at its top left, where NVSS's example writes it: baseline at (0, 30) in letters of OpenCV's
 * Hershey scale 1 (22 px capitals), on pictures of 480 rows; scaled with others.
 */
function drawClassification(picture: YuvPicture, text: string): void {
  const scale = Math.max(0.5, Math.min(picture.width, picture.height) / 480);
  const sizePx = Math.round(26 * scale);
  const style = { sizePx, color: 0xffffff, background: 0x000000, backgroundOpacity: 0.45, padding: Math.round(sizePx / 4) };
  drawText(picture, text, 0, Math.round(30 * scale - 0.928 * sizePx - sizePx / 12), style);
}

function drawShape(picture: YuvPicture, shape: OverlayShape, sizes: Sizes): void {
  switch (shape.shape) {
    case "line":
      drawPolyline(picture, shape.points, shape.color, sizes.line);
      labelAt(picture, shape.points[0], shape.label, shape.color, sizes);
      return;
    case "polygon":
      fillPolygon(picture, shape.points, shape.color, 0.2);
      strokePolygon(picture, shape.points, shape.color, sizes.line);
      labelAt(picture, shape.points[0], shape.label, shape.color, sizes);
      return;
    case "text": {
      const style = { sizePx: shape.sizePx ?? sizes.text, color: shape.color };
      drawText(picture, shape.text, shape.x, shape.y, shape.background === undefined ? style : { ...style, background: shape.background });
      return;
    }
    case "box":
      strokeRect(picture, shape.box, shape.color, sizes.line);
      labelAt(picture, [shape.box[0], shape.box[1]], shape.label, shape.color, sizes);
      return;
    case "point":
      fillCircle(picture, shape.x, shape.y, sizes.line * 2 + 1, 0x000000, 0.6);
      fillCircle(picture, shape.x, shape.y, sizes.line * 2, shape.color);
  }
}

function labelAt(picture: YuvPicture, point: readonly [number, number] | undefined, label: string | undefined, color: number, sizes: Sizes): void {
  if (point !== undefined && label !== undefined && label !== "") {
    drawLabel(picture, point[0], point[1], label, color, sizes);
  }
}
