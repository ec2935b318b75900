import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { VedetteError } from "../../errors.ts";
import { DrawnSession } from "../drawn-session.ts";
import { drawnSettings, frameCountOf, parseSize, settingsOf } from "../drawn-settings.ts";
import { Bars } from "./bars.ts";

const schema = z.strictObject({
  kind: z.literal("test"),
  pattern: z.literal("bars").default("bars").describe("Which pattern: there is one"),
  ...drawnSettings,
});

/** Test pictures: colour bars with a machine-readable clock, for trying outputs and measuring latency. */
export const testSource = defineSource({
  kind: "test",
  schema,
  addresses: ["test:bars"],
  fromAddress: (address) => {
    const match = /^test:([^?]*)/.exec(address);
    if (match === null) {
      return undefined;
    }
    if (match[1] !== "bars") {
      throw new VedetteError("E_CONFIG", { where: address, reason: "no such test picture, expected test:bars" });
    }
    return { kind: "test" as const, ...settingsOf(address, drawnSettings) };
  },
  create: (config, context) => ({
    isLocal: true,
    name: "test:bars",
    open: (signal) => {
      signal.throwIfAborted();
      const { width, height } = parseSize(config.size);
      const { fps: frameRate, realtime } = config;
      return Promise.resolve(new DrawnSession({ drawer: new Bars(width, height), frameRate, frameCount: frameCountOf(config), realtime, clock: context.clock }));
    },
  }),
});
