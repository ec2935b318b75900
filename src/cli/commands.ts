import type { Command } from "commander";
import { configCommand } from "./config.ts";
import { runCommand } from "./run.ts";
import { serveCommand } from "./serve.ts";

/** Every command, in the order of the help text: one line per command. */
export const COMMANDS: readonly (() => Command)[] = [
  runCommand,
  serveCommand,
  configCommand,
];
