import { readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Command } from "commander";
import { formatLeftOut, importNvinfer } from "../models/nvinfer.ts";
import { VedetteError } from "../errors.ts";

/** `vedette import nvinfer FILE.cfg`: turns other programs' configurations into ours. */
export function importCommand(): Command {
  const command = new Command("import").summary("turn other programs' configurations into Vedette's").description("Turns other programs' configurations into Vedette's.");
  command
    .command("nvinfer")
    .description("Turns a DeepStream nvinfer configuration into a model manifest, and says what it could not carry over.")
    .argument("<file>", "the configuration, such as deepstream-rtsp.cfg")
    .option("-o, --output <file>", "where the manifest goes; standard output when left out")
    .option("--labels <file>", "the label file it names, one label a line or ; between them")
    .action(importNvinferFile);
  return command;
}

async function importNvinferFile(file: string, flags: { readonly output?: string; readonly labels?: string }): Promise<void> {
  const text = await read(file);
  const labels = flags.labels === undefined ? undefined : (await read(flags.labels)).split(/[;\r\n]+/).filter((label) => label.trim() !== "");
  const { yaml, leftOut } = importNvinfer(text, file, labels);
  if (flags.output === undefined) {
    process.stdout.write(yaml);
  } else {
    await writeFile(flags.output, yaml);
    process.stderr.write(`${flags.output}: written; the weights it names belong into ${dirname(resolve(flags.output))}\n`);
  }
  if (leftOut.length > 0) {
    process.stderr.write(`${formatLeftOut(leftOut)}\n`);
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new VedetteError("E_CONFIG", { where: file, reason: (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(error) }, { cause: error });
  }
}
