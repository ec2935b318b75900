import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** What every `vedette run` may load of other people's code; other packages belong to the kinds that use them. */
const EVERY_RUN: readonly string[] = ["commander", "long", "node-av", "protobufjs", "yaml", "zod"];

const vedette = fileURLToPath(new URL("../bin/vedette.js", import.meta.url));

/** The packages and the number of modules that a start loads. */
async function loadedBy(folder: string, ...args: readonly string[]): Promise<{ packages: string[]; modules: number }> {
  const list = join(folder, "loaded");
  const hook = `
    import { registerHooks } from "node:module";
    import { writeFileSync } from "node:fs";
    const urls = [];
    registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
    process.on("exit", () => writeFileSync(${JSON.stringify(list)}, urls.join("\\n")));`;
  await new Promise((resolve) => execFile(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(hook)}`, vedette, ...args], resolve));
  const urls = (await readFile(list, "utf8")).split("\n");
  const names = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return { packages: [...new Set(names)].sort(), modules: urls.length };
}

test("a start loads what it uses, not what other kinds would", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "vedette-start-"));
  t.after(() => rm(folder, { recursive: true }));
  const run = await loadedBy(folder, "run", join(folder, "missing.mp4"));
  assert.deepEqual(run.packages.filter((name) => !EVERY_RUN.includes(name)), [], "import these in the kind's create or open (docs/adr/load-what-runs.md)");
  const version = await loadedBy(folder, "--version");
  assert.ok(version.modules < 40, `--version loads ${version.modules} modules`);
});
