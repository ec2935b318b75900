import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { DeepLensSource } from "./deeplens-source.ts";

/** Where the device's encoder writes. */
export const DEEPLENS_STREAM = "/opt/awscam/out/ch1_out.h264";

/** An AWS DeepLens: its encoder is set up with `mxuvc`, its H.264 is read as it is. */
export const deepLensSource = defineSource({
  kind: "deeplens",
  schema: z.strictObject({
    kind: z.literal("deeplens"),
    path: z.string().min(1).default(DEEPLENS_STREAM).describe("Where the encoder writes"),
    tool: z.string().min(1).default("/opt/awscam/camera/installed/bin/mxuvc").describe("The program that sets the encoder up"),
    resolution: z.literal([480, 720, 1080]).default(720).describe("Lines of the picture"),
    fps: z.number().int().min(1).max(60).default(15).describe("Frames per second"),
    gop: z.number().int().min(1).max(1000).optional().describe("Frames from keyframe to keyframe; a second of them when left out"),
    bitrate: z.number().int().min(10_000).default(2_000_000).describe("Bits per second"),
  }),
  addresses: ["deeplens:"],
  fromAddress: (address) => (/^deeplens:(\/\/)?$/i.test(address) ? { kind: "deeplens" as const } : undefined),
  create: (config, context) => new DeepLensSource(config, context),
});
