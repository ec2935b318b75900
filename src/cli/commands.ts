import type { Command } from "commander";
import { configCommand } from "./config.ts";
import { importCommand } from "./import.ts";
import { replayCommand } from "./replay.ts";
import { modelsCommand } from "./models.ts";
import { sendCommand, viewCommand } from "./nvss-ends.ts";
import { discoverCommand } from "./discover.ts";
import { demoCommand } from "./demo.ts";
import { runCommand } from "./run.ts";
import { slipstreamCommand } from "./slipstream.ts";
import { serviceCommand } from "./service.ts";
import { serveCommand } from "./serve.ts";

/** Every command, in the order of the help text: one line per command. */
export const COMMANDS: readonly (() => Command)[] = [
  demoCommand,
  runCommand,
  serveCommand,
  sendCommand,
  viewCommand,
  slipstreamCommand,
  modelsCommand,
  discoverCommand,
  serviceCommand,
  configCommand,
  replayCommand,
  importCommand,
];
