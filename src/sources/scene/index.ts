import { z } from "zod";
import { defineSource } from "../../contracts/kinds.ts";
import { VedetteError } from "../../errors.ts";
import { drawnSettings, frameCountOf, parseSize, settingsOf } from "../drawn-settings.ts";
import { SceneSource } from "./scene-source.ts";

const settings = {
  ...drawnSettings,
  seed: z.int().min(0).max(0xffffffff).default(1).describe("Which street: the same seed gives the same pictures"),
  dayS: z.number().min(10).default(240).describe("Length of the scene's own day in seconds, from noon to noon"),
  hour: z.number().min(0).max(24).default(13).describe("The scene's time of day at the start, in hours"),
};

const schema = z.strictObject({
  kind: z.literal("scene"),
  scene: z.literal("street").default("street").describe("Which scene: there is one"),
  ...settings,
});

/** The demo's street: people, bicycles and vehicles, drawn by Vedette itself. Needs no camera, file or network. */
export const sceneSource = defineSource({
  kind: "scene",
  schema,
  addresses: ["scene:street"],
  fromAddress: (address) => {
    const match = /^scene:([^?]*)/.exec(address);
    if (match === null) {
      return undefined;
    }
    if (match[1] !== "street") {
      throw new VedetteError("E_CONFIG", { where: address, reason: `no such scene, expected scene:street` });
    }
    return { kind: "scene" as const, ...settingsOf(address, settings) };
  },
  create: (config, context) =>
    new SceneSource({
      scene: { seed: config.seed, ...parseSize(config.size), dayS: config.dayS, startPhase: (config.hour - 12) / 24 },
      frameRate: config.fps,
      frameCount: frameCountOf(config),
      realtime: config.realtime,
      clock: context.clock,
    }),
});
