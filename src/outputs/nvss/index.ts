import { z } from "zod";
import { NvssSender } from "./nvss-sender.ts";
import { NvssServer } from "./nvss-server.ts";
import { defineOutput } from "../../contracts/kinds.ts";
import { nvssAddress, nvssFields } from "../../protocols/nvss/address.ts";
import { QUALITY } from "../../protocols/nvss/quality.ts";

/** Bytes a second from `1MiB/s`, `500KiB/s` or a plain number. */
const byteRate = z
  .union([z.number().positive(), z.string().regex(/^\d+(\.\d+)?\s*(Ki|Mi|k|M)?B?(\/s)?$/, "expected a rate such as 1MiB/s")])
  .transform((value) => {
    if (typeof value === "number") {
      return value;
    }
    const [, number = "0", unit = ""] = /^(\d+(?:\.\d+)?)\s*(Ki|Mi|k|M)?/.exec(value) ?? [];
    return Number(number) * ({ Ki: 2 ** 10, Mi: 2 ** 20, k: 1e3, M: 1e6 }[unit] ?? 1);
  });

/**
 * Frames over plain TCP, as NVSS sends them. `nvss://HOST:8090` serves any number of viewers (what StreamServer was, for
 * one); `nvss-connect://HOST:8089` sends to a receiving server (what WebcamClient was).
 *
 * ```yaml
 * outputs: [{ kind: nvss, host: 0.0.0.0, port: 8090, maxRate: 1MiB/s }]
 * ```
 */
export const nvssOutput = defineOutput({
  kind: "nvss",
  schema: z.strictObject({
    kind: z.literal("nvss"),
    ...nvssFields(8090),
    connect: z.boolean().default(false).describe("Send to a server at that address instead of waiting for viewers"),
    view: z.enum(["original", "annotated"]).default("annotated").describe("Which picture is sent"),
    quality: z.int().min(QUALITY.min).max(QUALITY.max).optional().describe("Fixed JPEG quality; with maxRate, where it starts (95)"),
    maxRate: byteRate.optional().describe("Budget per viewer, in bytes a second (1MiB/s): the quality follows it"),
    queue: z.int().min(1).max(1000).default(1).describe("Frames that may wait for one viewer; the original had 16"),
    maxViewers: z.int().min(1).max(10_000).default(64).describe("Connections at most"),
  }),
  addresses: ["nvss://HOST:8090 (serves viewers)", "nvss-connect://HOST:8089 (sends)"],
  fromAddress: (address) => nvssAddress("nvss", address, { listen: 8090, connect: 8089 }),
  create: (config, context) => (config.connect ? new NvssSender(config, context) : new NvssServer(config, context)),
});
