import { resolve } from "node:path";
import { z } from "zod";
import { SegmentRecorder } from "../../clips/segment-recorder.ts";
import { defineOutput } from "../../contracts/kinds.ts";

const schema = z.strictObject({
  kind: z.literal("record"),
  folder: z.string().min(1).describe("Where the files go"),
  name: z.string().min(1).default("{stream}-%Y%m%dT%H%M%SZ").describe("Of each file: {stream} and %Y %m %d %H %M %S of its start (UTC); / makes folders"),
  segmentS: z.number().positive().default(300).describe("A file ends at the first keyframe after so many seconds"),
  segmentBytes: z.int().positive().default(512 * 1024 ** 2).describe("… or after so many bytes"),
  maxAgeH: z.number().positive().optional().describe("Older files are removed"),
  maxBytes: z.int().positive().optional().describe("When all files are larger, the oldest are removed"),
  view: z.enum(["original", "annotated"]).default("original").describe("`original` records the packets as they came, with their audio"),
});

/** Continuous recording into a folder: `record:FOLDER`. */
export const recordOutput = defineOutput({
  kind: "record",
  schema,
  addresses: ["record:FOLDER"],
  fromAddress: (address) => (address.startsWith("record:") ? { kind: "record" as const, folder: address.slice("record:".length) } : undefined),
  create: (config, context) => {
    const { name, segmentS, segmentBytes, view, maxAgeH, maxBytes } = config;
    const retention = { maxAgeMs: maxAgeH === undefined ? undefined : maxAgeH * 3_600_000, maxBytes };
    const { stream, clock, log } = context;
    return new SegmentRecorder({ folder: resolve(context.baseDir, config.folder), stream, pattern: name, segmentS, segmentBytes, view, retention, clock, log });
  },
});
