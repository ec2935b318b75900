// Writes the files that follow from the sources; with --check, fails where one of them is not up to date.
import { readFile, writeFile } from "node:fs/promises";
import { ERRORS } from "../src/errors.ts";

/** One generated file: its path, and its text. */
const files: [path: string, make: () => string | Promise<string>][] = [["docs/errors.md", errorsPage]];

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
