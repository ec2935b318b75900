import { Command } from "commander";
import { configJsonSchema, loadConfig } from "../config/load.ts";

/** `vedette config check|schema`: looks at configuration files without running anything. */
export function configCommand(): Command {
  const command = new Command("config").summary("check a configuration file, print its schema").description("Looks at configuration files.");
  command
    .command("check")
    .description("Checks a configuration file and says what is wrong with it.")
    .argument("[file]", "the file", "vedette.yaml")
    .action(check);
  command
    .command("schema")
    .description("Prints the JSON schema of the configuration file: editors complete and check with it.")
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    });
  return command;
}

async function check(file: string): Promise<void> {
  const config = await loadConfig(file);
  const streams = Object.keys(config.streams);
  process.stdout.write(`${file}: good: ${streams.length} stream${streams.length === 1 ? "" : "s"}${streams.length > 0 ? ` (${streams.join(", ")})` : ""}\n`);
}
