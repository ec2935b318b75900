import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { runStream } from "./run-stream.ts";
import { commonOptions } from "./host-options.ts";
import { parseStream } from "../config/load.ts";
import { demoDefaults } from "../sources/scene/demo-defaults.ts";
import type { CommonFlags } from "./host-options.ts";

interface DemoFlags extends CommonFlags {
  readonly http: string;
  readonly seed: number;
}

/** The network that was trained for the drawn street. */
export const demoModel: string = fileURLToPath(new URL(`../../${demoDefaults.model}`, import.meta.url));

/** `vedette demo`: the drawn street, watched and shown in the browser. Needs no camera, network or file. */
export function demoCommand(): Command {
  const command = new Command("demo")
    .summary("watch an animated street in the browser; needs no camera, network or file")
    .description("Watches an animated street, drawn by Vedette itself, and shows it in the browser.")
    .option("--http <host:port>", "where the page is", "127.0.0.1:8080")
    .option("--seed <n>", "which street", Number, 1);
  return commonOptions(command).action(async (flags: DemoFlags) => {
    process.stderr.write(`Open http://${flags.http} in a browser; Ctrl-C ends.\n`);
    await runStream("demo", flags, { config: parseStream("demo", demoConfig(flags)), limitFrames: Infinity });
  });
}

/** The street, the network trained for it with tracker, line and zone; motion where the network is not there. */
function demoConfig({ http, seed }: DemoFlags): unknown {
  const base = { source: `${demoDefaults.address}?seed=${seed}`, outputs: [`http://${http}`] };
  if (!existsSync(demoModel)) {
    return { ...base, analyse: { useCase: "motion" }, track: { kind: "bytetrack" } };
  }
  return {
    ...base,
    analyse: { model: demoModel },
    track: demoDefaults.track,
    rules: [
      { kind: "line", ...demoDefaults.line },
      { kind: "zone", ...demoDefaults.zone },
    ],
  };
}
