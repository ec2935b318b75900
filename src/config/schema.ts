import { z } from "zod";
import { ENGINES } from "../engines/index.ts";
import { OUTPUTS } from "../outputs/index.ts";
import { RULES } from "../rules/index.ts";
import { SOURCES } from "../sources/index.ts";
import { TRACKERS } from "../trackers/index.ts";
import { manifestSchema } from "../models/manifest.ts";

/**
 * The configuration: one schema, from which types, defaults, the JSON schema and the reference page follow. Kinds bring
 * their own parts.
 */

/** A number of bits or bytes a second written for people: `4000000`, `4M`, `500k`, `1MiB/s`. Gives the plain number. */
export const rate = z
  .union([z.number(), z.string()])
  .transform((value, context) => {
    const parsed = typeof value === "number" ? value : parseRate(value);
    if (parsed === undefined || parsed <= 0) {
      context.addIssue({ code: "custom", message: `expected a rate such as 4000000, 4M or 1MiB/s, got ${JSON.stringify(value)}` });
      return z.NEVER;
    }
    return parsed;
  })
  .meta({ description: "Bits per second: 4000000, 4M, 500k; or bytes: 1MiB/s" });

/** A picture size, `1280x720`. */
export const size = z
  .string()
  .regex(/^\d+x\d+$/, "expected WIDTHxHEIGHT, such as 1280x720")
  .transform((text) => {
    const [width = 0, height = 0] = text.split("x").map(Number);
    return { width, height };
  })
  .meta({ description: "WIDTHxHEIGHT in pixels" });

/** A manifest's own words; `file` may also name a manifest or a model of the catalogue. */
const modelSchema = manifestSchema.extend({
  file: z.string().optional().describe("Weights (.onnx), manifest (.yaml) or catalogue name"),
});

const engineSchema = z.union([
  z.string().describe("onnx, or the address of a model server"),
  z.discriminatedUnion("kind", ENGINES.map((kind) => kind.schema) as unknown as [z.ZodObject<{ kind: z.ZodLiteral }>]),
]);

const analyseSchema = z.strictObject({
  model: z.string().optional().describe("A name under `models`, a file, or a catalogue name; left out with a use case that needs none"),
  engine: engineSchema.default("onnx").describe("Where the model runs"),
  fallback: engineSchema.optional().describe("Takes over while `engine` fails or cannot be reached: onnx"),
  fallbackAfterMs: z.int().min(1).default(500).describe("How long a frame waits for `engine` before the fallback gets it"),
  shadow: engineSchema.optional().describe("A second engine that sees the same frames; how it differs is reported, and nothing waits for it"),
  shadowModel: z.string().optional().describe("Model of the second engine; by default the same"),
  threshold: z.number().min(0).max(1).optional().describe("Lowest score reported"),
  fps: z.number().min(0).default(0).describe("Analyse at most this many frames a second; 0 for all"),
  maxAgeMs: z.number().positive().optional().describe("Live frames older than this are not analysed"),
  minFps: z.number().min(0).default(0).describe("Under overload, keep at least this many analysed frames a second"),
  priority: z.number().default(0).describe("Higher goes first under overload"),
  executors: z.int().min(1).max(64).optional().describe("Frames in parallel; chosen by the machine when left out"),
  batch: z.int().min(1).max(256).default(1).describe("Most frames per call of the model"),
  maxBatchDelayMs: z.number().min(0).default(10).describe("Longest wait for a batch to fill"),
  useCase: z.string().optional().describe("A built-in use case, or a .ts or .js file"),
  embedModel: z.string().optional().describe("A network that tells objects apart by their looks (task embed), for a tracker with `reid`"),
  gate: z.enum(["motion"]).optional().describe("Analyse only frames in which something moves"),
});

const encodeSchema = z.strictObject({
  codec: z.enum(["h264", "h265"]).default("h264").describe("Codec of the annotated view"),
  bitrate: rate.optional().describe("Bits per second; left out, the quality decides"),
  quality: z.int().min(1).max(100).default(75).describe("Constant quality when no bitrate is given"),
  size: size.optional().describe("Size of the annotated view"),
  gop: z.int().min(1).max(10_000).optional().describe("Frames from keyframe to keyframe; two seconds of them when left out"),
});

const clipsSchema = z.strictObject({
  folder: z.string().min(1).describe("Where the clips go"),
  preS: z.number().min(0).max(300).default(5).describe("Seconds before an event; a clip begins at the keyframe before that"),
  postS: z.number().min(0).max(600).default(5).describe("Seconds after it"),
  maxS: z.number().positive().default(120).describe("Events in a row lengthen a clip up to this"),
  maxRingBytes: z.int().positive().default(64 * 1024 ** 2).describe("Most memory for packets of the past"),
  view: z.enum(["original", "annotated"]).default("original").describe("`original` keeps the packets as they came"),
  maxAgeH: z.number().positive().optional().describe("Older clips are removed"),
  maxBytes: z.int().positive().optional().describe("When all clips are larger, the oldest are removed"),
});

const eventsSchema = z.strictObject({
  keep: z.boolean().default(true).describe("Keep events in the store under the data folder"),
  snapshot: z.enum(["annotated", "original", "none"]).default("annotated").describe("Which picture to keep with an event"),
  snapshotQuality: z.int().min(1).max(100).default(80).describe("Of that JPEG"),
  clips: clipsSchema.optional().describe("Record a clip around every event"),
});

/** One stream. */
export const streamSchema = z.strictObject({
  source: z
    .union([
      z.string().describe("An address: a path, rtsp://…, device:0, scene:street, …"),
      z.discriminatedUnion("kind", SOURCES.map((kind) => kind.schema) as unknown as [z.ZodObject<{ kind: z.ZodLiteral }>]),
    ])
    .describe("Where the video comes from"),
  analyse: analyseSchema.optional().describe("What looks at the frames"),
  track: z
    .discriminatedUnion("kind", TRACKERS.map((kind) => kind.schema) as unknown as [z.ZodObject<{ kind: z.ZodLiteral }>])
    .optional()
    .describe("Gives objects identities over time"),
  rules: z
    .array(z.discriminatedUnion("kind", RULES.map((kind) => kind.schema) as unknown as [z.ZodObject<{ kind: z.ZodLiteral }>]))
    .default([])
    .describe("Turn results into events"),
  events: eventsSchema.prefault({}).describe("What is kept of the rules' events"),
  outputs: z
    .array(
      z.union([
        z.string().describe("An address: FILE.mp4, FILE.jsonl, http://HOST:PORT, …"),
        z.discriminatedUnion("kind", OUTPUTS.map((kind) => kind.schema) as unknown as [z.ZodObject<{ kind: z.ZodLiteral }>]),
      ]),
    )
    .default([])
    .describe("Where things go"),
  encode: encodeSchema.prefault({}).describe("How the annotated view is encoded"),
  buffer: z
    .strictObject({
      frames: z.int().min(1).max(1000).default(1).describe("Decoded frames that may wait for the analysis"),
      drop: z.enum(["oldest", "newest", "none"]).default("oldest").describe("Which frame a full buffer loses; none holds the source up"),
    })
    .prefault({})
    .describe("Between the decoder and the analysis of a live source"),
  hwaccel: z.string().default("none").describe("Decode and encode on hardware: auto, none, cuda, vaapi, videotoolbox, …"),
});

/** The whole file. */
export const configSchema = z.strictObject({
  models: z.record(z.string(), z.union([z.string(), modelSchema])).default({}).describe("Models by name"),
  streams: z.record(z.string().regex(/^[\w.-]+$/, "expected letters, digits, ., _ and -"), streamSchema).default({}).describe("Streams by name"),
  events: z
    .strictObject({
      maxAgeDays: z.number().positive().default(30).describe("Older events are removed"),
      maxBytes: z.int().positive().default(1024 ** 3).describe("When the store is larger, the oldest events are removed"),
    })
    .prefault({})
    .describe("The store of events"),
  dataDir: z.string().optional().describe("Where state is kept"),
  allowAnonymous: z.boolean().default(false).describe("Let listeners beyond loopback go without credentials"),
});

/** One stream's configuration, complete. */
export type StreamConfig = z.output<typeof streamSchema>;
/** One stream's configuration as it is written. */
export type StreamInput = z.input<typeof streamSchema>;
/** The whole configuration, complete. */
export type Config = z.output<typeof configSchema>;
/** What is said about one model. */
export type ModelConfig = z.output<typeof modelSchema>;

const FACTORS: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

/** Bits a second; bytes (a capital B) count eight. Undefined when it is no rate. */
export function parseRate(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(k|M|G|Ki|Mi|Gi)?(bit|b|B)?(?:\/s|ps)?$/.exec(text.trim());
  const factor = FACTORS[match?.[2] ?? ""];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor * (match[3] === "B" ? 8 : 1);
}
