// Writes the files that follow from the sources; with --check, fails where one of them is not up to date.
import { glob, readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { configJsonSchema } from "../src/config/load.ts";
import { ERRORS } from "../src/errors.ts";
import { configPage } from "./config-page.ts";

/** One generated file: its path, and its text. */
const files: [path: string, make: () => string | Promise<string>][] = [
  ["docs/errors.md", errorsPage],
  ["docs/adr/README.md", decisionsPage],
  ["docs/configuration.md", configPage],
  ["docs/vedette.schema.json", () => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`],
];

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { message, hint, retryable, exit }]) => `| \`${code}\` | ${message} | ${hint} | ${retryable ? "yes" : "no"} | ${exit} |`,
  );
  return [
    "# Errors",
    "",
    "<!-- generated from src/errors.ts by `npm run generate` -->",
    "",
    "Every message begins with what was expected or what happened; the code stays the same for ever.",
    "",
    "| Code | Message | What to do | May pass by itself | Exit code |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** The index of docs/adr/: each page by its title. */
async function decisionsPage(): Promise<string> {
  const pages = (await Array.fromAsync(glob("docs/adr/*.md"))).filter((page) => basename(page) !== "README.md").sort();
  const rows = await Promise.all(
    pages.map(async (page) => {
      const [title = ""] = (await readFile(page, "utf8")).split("\n", 1);
      return `- [${title.replace(/^# /, "")}](${basename(page)})`;
    }),
  );
  return [
    "# Decisions",
    "",
    "<!-- generated from the pages of this folder by `npm run generate` -->",
    "",
    "A choice that would cost a day to undo has a page here: what was decided, why, and what it costs.",
    "",
    ...rows,
    "",
  ].join("\n");
}

const check = process.argv.includes("--check");
for (const [path, make] of files) {
  const text = await make();
  if (!check) {
    await writeFile(path, text);
  } else if ((await readFile(path, "utf8").catch(() => "")) !== text) {
    console.error(`${path} is not up to date: run npm run generate`);
    process.exitCode = 1;
  }
}
