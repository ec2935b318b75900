import { resolve } from "node:path";
import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import { FileOutput } from "./file-output.ts";

const schema = z.strictObject({
  kind: z.literal("file"),
  path: z
    .string()
    .regex(/\.(mp4|mkv)$/i, "expected a path that ends in .mp4 or .mkv")
    .describe("Recording; an existing file is replaced. MP4 stays playable when the process dies"),
  view: z.enum(["annotated", "original"]).default("annotated").describe("`original` records the packets as they came, with their audio"),
});

/** `FILE.mp4` or `FILE.mkv`. */
export const fileOutput = defineOutput({
  kind: "file",
  schema,
  addresses: ["FILE.mp4", "FILE.mkv"],
  fromAddress: (address) =>
    /\.(mp4|mkv)$/i.test(address) && !/^[a-z][a-z0-9+.-]+:/i.test(address) ? { kind: "file" as const, path: address } : undefined,
  create: (config, context) =>
    new FileOutput({ path: resolve(context.baseDir, config.path), name: config.path, view: config.view, log: context.log }),
});
