import type { Command } from "commander";

/** A command and how it is made. Each is a module of its own, so that none pays for what only another needs. */
export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of the help text: one line per command. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: "demo", load: async () => (await import("./demo.ts")).demoCommand() },
  { name: "run", load: async () => (await import("./run.ts")).runCommand() },
  { name: "serve", load: async () => (await import("./serve.ts")).serveCommand() },
  { name: "send", load: async () => (await import("./nvss-ends.ts")).sendCommand() },
  { name: "view", load: async () => (await import("./nvss-ends.ts")).viewCommand() },
  { name: "slipstream", load: async () => (await import("./slipstream.ts")).slipstreamCommand() },
  { name: "models", load: async () => (await import("./models.ts")).modelsCommand() },
  { name: "discover", load: async () => (await import("./discover.ts")).discoverCommand() },
  { name: "service", load: async () => (await import("./service.ts")).serviceCommand() },
  { name: "config", load: async () => (await import("./config.ts")).configCommand() },
  { name: "replay", load: async () => (await import("./replay.ts")).replayCommand() },
  { name: "import", load: async () => (await import("./import.ts")).importCommand() },
import { configCommand } from "./config.ts";
import { importCommand } from "./import.ts";
import { replayCommand } from "./replay.ts";
import { modelsCommand } from "./models.ts";
import { sendCommand, viewCommand } from "./nvss-ends.ts";
import { discoverCommand } from "./discover.ts";
import { doctorCommand } from "./doctor.ts";
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
  doctorCommand,
  configCommand,
  replayCommand,
  importCommand,
];
