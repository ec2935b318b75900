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
  { name: "upload", load: async () => (await import("./upload.ts")).uploadCommand() },
  { name: "analyse", load: async () => (await import("./analyse.ts")).analyseCommand() },
  { name: "slipstream", load: async () => (await import("./slipstream.ts")).slipstreamCommand() },
  { name: "models", load: async () => (await import("./models.ts")).modelsCommand() },
  { name: "discover", load: async () => (await import("./discover.ts")).discoverCommand() },
  { name: "service", load: async () => (await import("./service.ts")).serviceCommand() },
  { name: "doctor", load: async () => (await import("./doctor.ts")).doctorCommand() },
  { name: "config", load: async () => (await import("./config.ts")).configCommand() },
  { name: "replay", load: async () => (await import("./replay.ts")).replayCommand() },
  { name: "events", load: async () => (await import("./events.ts")).eventsCommand() },
  { name: "import", load: async () => (await import("./import.ts")).importCommand() },
];
