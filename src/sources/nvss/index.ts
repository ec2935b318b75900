import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { NvssListener } from "./nvss-listener.ts";
import { NvssViewer } from "./nvss-viewer.ts";
import { nvssAddress, nvssFields } from "../../protocols/nvss/address.ts";

/**
 * Frames over plain TCP, as NVSS sends them. `nvss://HOST:8089` waits for cameras to connect (what WebCamServer was);
 * `nvss-connect://HOST:8090` fetches from a server of frames (what StreamClient was).
 *
 * ```yaml
 * source: { kind: nvss, host: 0.0.0.0, port: 8089 }
 * ```
 */
export const nvssSource = defineSource({
  kind: "nvss",
  schema: z.strictObject({
    kind: z.literal("nvss"),
    ...nvssFields(8089),
    connect: z.boolean().default(false).describe("Fetch from a server at that address instead of waiting for a camera"),
    queue: z.int().min(1).max(1000).default(1).describe("Frames that may wait; the original had 16"),
    drop: z.enum(["oldest", "newest"]).default("oldest").describe("Which one a full queue loses; the original lost the newest"),
  }),
  addresses: ["nvss://HOST:8089 (waits for a camera)", "nvss-connect://HOST:8090"],
  fromAddress: (address) => nvssAddress("nvss", address, { listen: 8089, connect: 8090 }),
  create: (config, context) => (config.connect ? new NvssViewer(config, context) : new NvssListener(config, context)),
});
