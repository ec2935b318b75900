import type { CommanderError } from "commander";
import { Command } from "commander";
import { readFileSync } from "node:fs";
import { COMMANDS } from "./commands.ts";
import { usage } from "./report-error.ts";

/** The command line: one entry per command, from the list in `commands.ts`. */
export function createProgram(): Command {
  const program = new Command("vedette")
    .description("Watches video streams with neural networks.")
    .version(version(), "-V, --version")
    .showSuggestionAfterError()
    .configureHelp({ sortOptions: false })
    .exitOverride(asUsage)
    .configureOutput({ outputError: () => undefined });
  for (const command of COMMANDS) {
    program.addCommand(command().exitOverride(asUsage).configureOutput({ outputError: () => undefined }).showSuggestionAfterError());
  }
  return program;
}

/** Help and version end well; everything else commander objects to is a usage error like our own. */
function asUsage(error: CommanderError): never {
  if (error.exitCode === 0) {
    process.exit(0);
  }
  throw usage(error.message.replace(/^error: /, "").replace(/\n/g, " ").trim());
}

/** The package's version: the one place it stands. */
function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
