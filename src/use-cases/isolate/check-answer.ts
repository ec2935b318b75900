import { z } from "zod";
import type { OverlayShape } from "../../contracts/rule.ts";
import type { Finding } from "../../domain/result.ts";
import type { UseCaseHints } from "../authoring.ts";

const place = z.number();
const box = z.tuple([place, place, place, place]);
const score = z.number().min(0).max(1);
const color = z.int().min(0).max(0xffffff);
const points = z.array(z.tuple([place, place])).max(10_000);
const label = z.string().max(1_000);
const bytes = z.instanceof(Uint8Array);
const size = z.int().min(1).max(16_384);

const keypoint = z.strictObject({ name: label, x: place, y: place, score });
const classification = z.strictObject({ label, classId: z.int(), score });
const embedding = z.instanceof(Float32Array);

const finding = z.strictObject({
  detections: z
    .array(classification.extend({ box, keypoints: z.array(keypoint).optional(), trackId: z.int().optional(), embedding: embedding.optional() }))
    .max(10_000)
    .optional(),
  classes: z.array(classification).max(10_000).optional(),
  poses: z.array(z.strictObject({ score, keypoints: z.array(keypoint), box: box.optional() })).max(1_000).optional(),
  segments: z
    .strictObject({
      labels: z.array(label),
      areas: z.array(z.number()),
      mask: z
        .strictObject({ kind: z.enum(["classes", "matte"]), width: size, height: size, data: bytes, region: box })
        .refine((mask) => mask.data.length === mask.width * mask.height, "data must have width × height bytes")
        .optional(),
    })
    .optional(),
  embedding: embedding.optional(),
  image: z
    .strictObject({ width: size, height: size, data: bytes, region: box })
    .refine((image) => image.data.length === image.width * image.height * 3, "data must have width × height × 3 bytes")
    .optional(),
  data: z.unknown().optional(),
});

const shapes = z
  .array(
    z.discriminatedUnion("shape", [
      z.strictObject({ shape: z.literal("line"), points, color, label: label.optional() }),
      z.strictObject({ shape: z.literal("polygon"), points, color, label: label.optional() }),
      z.strictObject({ shape: z.literal("text"), x: place, y: place, text: label, color, background: color.optional(), sizePx: z.number().positive().max(1_000).optional() }),
      z.strictObject({ shape: z.literal("box"), box, color, label: label.optional() }),
      z.strictObject({ shape: z.literal("point"), x: place, y: place, color }),
    ]),
  )
  .max(10_000);

const triple = z.tuple([z.number(), z.number(), z.number()]);
const hints = z.object({
  model: z.string().min(1).optional(),
  input: z
    .strictObject({
      name: z.string(), width: size, height: size, layout: z.enum(["NCHW", "NHWC"]), color: z.enum(["RGB", "BGR", "GRAY"]), type: z.enum(["float32", "float16", "uint8"]),
      fit: z.enum(["stretch", "letterbox", "crop", "none"]), anchor: z.enum(["center", "top-left"]), pad: z.int().min(0).max(255), scale: z.number(), mean: triple, std: triple,
    })
    .partial()
    .optional(),
});

/** A value that came back from the user's code, or what is wrong with it: `detections[0].box: expected …`. */
export type Checked<T> = { readonly value: T } | { readonly wrong: string };

/** What `interpret` returned. */
export function checkFinding(value: unknown): Checked<Finding> {
  // The schema says the same as the type; it differs in how it writes "may be left out".
  return check(finding, value) as Checked<Finding>;
}

/** What `draw` returned. */
export function checkShapes(value: unknown): Checked<readonly OverlayShape[]> {
  return check(shapes, value) as Checked<readonly OverlayShape[]>;
}

/** `model` and `input`. */
export function checkHints(value: unknown): Checked<UseCaseHints> {
  return check(hints, value) as Checked<UseCaseHints>;
}

function check<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    return { value: parsed.data };
  }
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("").replace(/^\./, "");
  return { wrong: `${path === "" ? "" : `${path}: `}${issue?.message ?? "not valid"}` };
}
