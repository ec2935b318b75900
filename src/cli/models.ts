import { Command } from "commander";
import { DownloadLine } from "./download-line.ts";
import { onInterrupt } from "./interrupt.ts";
import { defaultDataDir } from "../daemon/data-dir.ts";
import { openEmbeddedEngine } from "../daemon/open-engine.ts";
import { parseInputFlags } from "../models/input-flags.ts";
import { formatInspection, inspectModel } from "../models/inspect.ts";
import { defaultModelDir, listModels, namedModels, pullModel, verifyModel } from "../models/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { silentLogger } from "../runtime/log.ts";
import type { KindContext } from "../contracts/kinds.ts";
import type { InputFlags } from "../models/input-flags.ts";
import type { ModelFlags } from "../models/manifest.ts";
import type { ListedModel } from "../models/store.ts";

/** `vedette models list|pull|verify|inspect`: the model store. */
export function modelsCommand(): Command {
  const command = new Command("models").summary("list, pull, verify and inspect models").description("The model store.");
  command
    .command("list")
    .description("Lists the catalogue and what is in the store.")
    .option("--json", "as JSON")
    .action(list);
  command
    .command("pull")
    .description("Downloads models of the catalogue, verified by digest; an interrupted download goes on where it stopped.")
    .argument("<name...>", "names of the catalogue")
    .action(pull);
  command
    .command("verify")
    .description("Compares stored models with the catalogue's digests; without names, all that are there.")
    .argument("[name...]", "names of the catalogue")
    .action(verify);
  command
    .command("inspect")
    .description("Says what a model file holds, what follows from it, what is missing, and what one test picture gives.")
    .argument("<file>", "weights (.onnx), manifest (.yaml) or catalogue name")
    .option("--task <task>", "what its numbers mean")
    .option("--family <family>", "how to read its outputs")
    .option("--labels <file>", "a built-in set or a file with one label a line")
    .option("--input-size <WxH>", "size of its input, where the file leaves it open")
    .option("--layout <order>", "NCHW or NHWC, where the file leaves it open")
    .option("--color <order>", "channels it wants: RGB, BGR, GRAY")
    .option("--normalise <range>", "numbers it wants for black to white: 0..255, 0..1, -1..1, imagenet")
    .option("--fit <how>", "how pictures fill its input: stretch, letterbox, crop")
    .option("--no-run", "only read the file")
    .action(inspect);
  return command;
}

async function inspect(file: string, { run, inputSize, layout, color, normalise, fit, ...named }: ModelFlags & InputFlags & { readonly run: boolean }): Promise<void> {
  using interrupt = onInterrupt();
  const context: KindContext = { stream: "inspect", clock: systemClock, log: silentLogger, baseDir: process.cwd(), dataDir: defaultDataDir(), allowAnonymous: false };
  const flags = { ...named, input: parseInputFlags({ inputSize, layout, color, normalise, fit }) };
  const inspection = await inspectModel(file, flags, {
    signal: interrupt.signal,
    named: namedModels({ signal: interrupt.signal }),
    ...(run ? { openEngine: (model, signal) => openEmbeddedEngine(model, context, signal) } : {}),
  });
  process.stdout.write(`${formatInspection(inspection)}\n`);
  process.exitCode = inspection.missing.length > 0 ? 2 : 0;
}

async function list(flags: { readonly json?: boolean }): Promise<void> {
  const models = await listModels();
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(models, undefined, 2)}\n`);
    return;
  }
  const rows = models.map((model) => [model.name, model.task ?? "", megabytes(model.sizeBytes), stateOf(model), model.licence ?? ""]);
  process.stdout.write(table([["NAME", "TASK", "SIZE", "STATE", "LICENCE"], ...rows]));
  process.stdout.write(`\nStore: ${defaultModelDir()}\n`);
}

async function pull(names: readonly string[]): Promise<void> {
  using interrupt = onInterrupt();
  for (const name of names) {
    using line = new DownloadLine();
    const path = await pullModel(name, { signal: interrupt.signal, onProgress: (progress) => line.show(progress) });
    line.done(`${name}: ${path}`);
  }
}

async function verify(names: readonly string[]): Promise<void> {
  using interrupt = onInterrupt();
  const chosen = names.length > 0 ? names : (await listModels()).filter(({ state }) => state === "present").map(({ name }) => name);
  for (const name of chosen) {
    const { isIntact, expected, got, path } = await verifyModel(name, { signal: interrupt.signal });
    process.stdout.write(isIntact ? `${name}: intact\n` : `${name}: DAMAGED: ${path} has SHA-256 ${got}, expected ${expected}\n`);
    process.exitCode = isIntact ? process.exitCode : 1;
  }
}

function stateOf({ state, isUsable }: ListedModel): string {
  return isUsable ? state : `${state} (needs a use case)`;
}

/** `13.2 MB`. */
function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()}\n`).join("");
}
