import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { FileSource } from "./file-source.ts";

const schema = z.strictObject({
  kind: z.literal("file"),
  path: z.string().min(1).describe("Video file: anything FFmpeg reads"),
  loop: z.boolean().default(false).describe("Starts over at the end, for ever; times go on rising"),
  realtime: z.boolean().default(false).describe("Plays at its own speed and drops what comes too late, as a camera would; otherwise as fast as the machine allows, nothing lost"),
});

/** A video file. Takes every address that names no other kind of source. */
export const fileSource = defineSource({
  kind: "file",
  schema,
  addresses: ["FILE.mp4"],
  fromAddress: (address) => {
    if (address.startsWith("file://")) {
      return { kind: "file" as const, path: fileURLToPath(address) };
    }
    // A drive letter is no scheme.
    const isElsewhere = /^[a-z][a-z0-9+.-]+:/i.test(address) || address.startsWith("/dev/video") || address === "-";
    return isElsewhere ? undefined : { kind: "file" as const, path: address };
  },
  create: (config, context) =>
    new FileSource({
      path: resolve(context.baseDir, config.path),
      name: config.path,
      loop: config.loop,
      realtime: config.realtime,
      clock: context.clock,
    }),
});
