// Holds the documentation against the project: links lead somewhere, files that are named exist, every command and flag
// that is shown is one.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Command } from "commander";
import { createProgram } from "../src/cli/program.ts";

const pages = [...globSync("*.md"), ...globSync("{docs,src,demo,examples,deploy,bench}/**/*.md")].filter((page) => !page.includes("node_modules")).sort();
const program = await createProgram();
const problems = pages.flatMap((page) => {
  const text = readFileSync(page, "utf8");
  return [...deadLinks(page, text), ...missingFiles(text), ...unknownCommands(text)].map((problem) => `${page}: ${problem}`);
});
problems.forEach((problem) => console.error(problem));
process.exitCode = problems.length === 0 ? 0 : 1;

/** Links to pages of the project; those to the outside are not followed. */
function deadLinks(page: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(page), target)))
    .map((target) => `link to ${target}, which does not exist`);
}

/** Files named in code spans by their path from the project's root; patterns and placeholders are not meant. */
function missingFiles(text: string): string[] {
  return [...text.matchAll(/`((?:docs|src|test|bench|examples|demo|scripts)\/[\w./-]+)`/g)]
    .map(([, path = ""]) => path)
    .filter((path) => !existsSync(normalize(path)))
    .map((path) => `names ${path}, which does not exist`);
}

/** `vedette …` in code blocks and spans. */
function unknownCommands(text: string): string[] {
  // A backslash at the end of a line continues it.
  const joined = text.replace(/\\\n\s*/g, " ");
  const blocks = [...joined.matchAll(/^```(?:sh|bash|console)?\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) => block.split("\n"));
  const spans = [...joined.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  return [...blocks, ...spans].flatMap((line) => {
    const [, rest] = /^\s*\$?\s*(?:npx |npm exec )?vedette (?:-- )?(.*)$/.exec(line) ?? [];
    return rest === undefined ? [] : wrongWords(rest.replace(/\s+#.*$/, ""), line.trim());
  });
}

/** Words that are neither a command nor a flag of it. `A|B` and `COMMAND` in prose stand for several. */
function wrongWords(rest: string, line: string): string[] {
  const words = rest.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  let command: Command = program;
  const wrong: string[] = [];
  for (const [index, word] of words.entries()) {
    const flag = /^(--?[a-z][\w-]*)/.exec(word)?.[1];
    if (flag !== undefined) {
      const isKnown = ["--help", "-h"].includes(flag) || command.options.some(({ long, short }) => flag === long || flag === short);
      wrong.push(...(isKnown ? [] : [`\`${line}\`: ${command.name()} has no ${flag}`]));
    } else if (command.commands.length > 0 && !/^[A-Z…]/.test(word)) {
      const names = word.split("|");
      const found = command.commands.filter((sub) => names.includes(sub.name()));
      if (found.length !== names.length) {
        wrong.push(`\`${line}\`: no command ${word}`);
        break;
      }
      command = found[0] ?? command;
    } else if (index === 0) {
      break;
    }
  }
  return wrong;
}
