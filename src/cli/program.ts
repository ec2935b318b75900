import type { CommanderError } from "commander";
import { Command } from "commander";
import { COMMANDS } from "./commands.ts";
import { usage } from "./report-error.ts";
import { packageVersion } from "../runtime/package-version.ts";

/**
 * The command line: one entry per command, from the list in `commands.ts`. Where `args` begins with a command, only that
 * one is loaded.
 */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command("vedette")
    .description("Watches video streams with neural networks.")
    .version(packageVersion(), "-V, --version")
    .showSuggestionAfterError()
    .configureHelp({ sortOptions: false })
    .exitOverride(asUsage)
    .configureOutput({ outputError: () => undefined });
  const named = COMMANDS.filter(({ name }) => name === args[0]);
  const isVersion = args[0] === "-V" || args[0] === "--version";
  for (const { load } of named.length > 0 || isVersion ? named : COMMANDS) {
    program.addCommand(withOurErrors(await load()));
  }
  return program;
}

/** Subcommands too: they take nothing over from a command that is set up after they were added. */
function withOurErrors(command: Command): Command {
  command.commands.forEach(withOurErrors);
  return command.exitOverride(asUsage).configureOutput({ outputError: () => undefined }).showSuggestionAfterError();
}

/** Help and version end well; everything else commander objects to is a usage error like our own. */
function asUsage(error: CommanderError): never {
  if (error.exitCode === 0) {
    process.exit(0);
  }
  throw usage(error.message.replace(/^error: /, "").replace(/\n/g, " ").trim());
}
