// The published form: packed, installed into an empty folder, and used as a stranger would.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { freePort } from "./support/free-port.ts";

const call = promisify(execFile);
const root = resolve(import.meta.dirname, "..");
const isWanted = process.env["CI"] !== undefined || process.env["VEDETTE_TEST_PACKAGE"] !== undefined;
const skip = !isWanted && "packs and installs the package, which takes a minute and the npm registry: set VEDETTE_TEST_PACKAGE=1";

/** The environment of a stranger's shell: Node 24, npm, and nothing of the `npm test` around us. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_") && name !== "INIT_CWD")),
  PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
};

describe("the package", { skip, timeout: 300_000 }, () => {
  let folder = "";
  let tarball = "";
  let app = "";
  const installed = (...path: string[]): string => join(app, "node_modules", "vedette", ...path);
  const vedette = (...args: string[]) => call(join(app, "node_modules/.bin/vedette"), args, { cwd: app, env, timeout: 120_000 });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "vedette-package-"));
    app = join(folder, "app");
    await copyProject(join(folder, "project"));
    await call("npm", ["pack", "--pack-destination", folder], { cwd: join(folder, "project"), env, timeout: 240_000, maxBuffer: 1 << 24 });
    tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith(".tgz"))!);
    await mkdir(app);
    await writeFile(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
    // Another npm would run node-av's install script, which looks for a command-line ffmpeg that nobody needs.
    await call("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", tarball], { cwd: app, env, timeout: 240_000 });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("is compiled: types but no sources and no tests, the demo's network, less than 150 MB", async () => {
    const files = (await readdir(installed(), { recursive: true })).filter((path) => !path.startsWith("node_modules"));
    assert.deepEqual(files.filter((path) => /(?<!\.d)\.ts$|\.test\.|\.contract\./.test(path)), []);
    for (const needed of ["bin/vedette.js", "dist/index.js", "dist/index.d.ts", "dist/testing/index.d.ts", "demo/assets/street.onnx", "LICENSE", "THIRD_PARTY_NOTICES.md", "README.md"]) {
      assert.ok(files.includes(needed), `${needed} is missing`);
    }
    assert.ok((await stat(tarball)).size < 150e6);
    const manifest = JSON.parse(await readFile(installed("package.json"), "utf8")) as { devDependencies?: unknown; scripts?: object };
    assert.equal(manifest.devDependencies, undefined);
    assert.deepEqual(manifest.scripts, {});
  });

  test("packing leaves the project as it was", async () => {
    assert.equal(await readFile(join(folder, "project/package.json"), "utf8"), await readFile(join(root, "package.json"), "utf8"));
  });

  test("its command runs: version, the demo's network on the drawn street, a use case in TypeScript", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    assert.equal((await vedette("--version")).stdout.trim(), version);
    await writeFile(
      join(app, "busy.ts"),
      'import { defineUseCase, text } from "vedette";\nlet seen: number = 0;\nexport default defineUseCase({ draw: (result) => [text(1, 1, `${(seen += result.detections?.length ?? 0)}`, 0xffffff)] });\n',
    );
    const model = installed("demo/assets/street.yaml");
    const { stderr } = await vedette("run", "scene:street", "--model", model, "--use-case", "busy.ts", "--limit-frames", "40", "--drop", "none", "--to", "out.jsonl", "--to", "out.mp4");
    assert.doesNotMatch(stderr, /use_case_error|warn/);
    const results = (await readFile(join(app, "out.jsonl"), "utf8")).trim().split("\n").map((line) => JSON.parse(line) as { detections?: { label: string }[] });
    assert.equal(results.length, 40);
    assert.ok(results.at(-1)?.detections?.some(({ label }) => label === "person"));
    assert.ok((await stat(join(app, "out.mp4"))).size > 10_000);
  });

  test("its demo shows a page with a live picture", async (t) => {
    const port = await freePort();
    const child = spawn(process.execPath, [installed("bin/vedette.js"), "demo", "--http", `127.0.0.1:${port}`], { cwd: app, env, stdio: "ignore" });
    t.after(() => child.kill("SIGKILL"));
    let still: Response | undefined;
    for (let tries = 0; tries < 600 && still?.ok !== true; tries++) {
      still = await fetch(`http://127.0.0.1:${port}/snapshot.jpg`).catch(() => undefined);
      await new Promise((next) => setTimeout(next, 100));
    }
    assert.deepEqual([...new Uint8Array(await still!.arrayBuffer()).subarray(0, 2)], [0xff, 0xd8]);
    assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /<title>demo/);
    child.kill("SIGINT");
    assert.deepEqual(await once(child, "exit"), [130, null]);
  });

  test("its library is typed, strictly, and works", async () => {
    await writeFile(
      join(app, "main.ts"),
      `import { pipeline, source, useCase, VedetteError, type Result } from "vedette";
import { ruleTest } from "vedette/testing";
await using app = await pipeline(source("test:bars"), useCase("motion"));
let last: Result | undefined;
for await (const result of app.results()) {
  last = result;
  if (result.seq >= 5) break;
}
const width: number | undefined = last?.width;
// @ts-expect-error what is not there is refused
last?.nothing;
console.log(typeof width, typeof ruleTest, new VedetteError("E_USAGE", { reason: "x" }).exit);
`,
    );
    const compilerOptions = { strict: true, module: "nodenext", target: "es2024", lib: ["es2024", "esnext.disposable", "dom"], types: ["node"], typeRoots: [join(root, "node_modules/@types")], noEmit: true };
    await writeFile(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts", "busy.ts"] }));
    const types = await call(process.execPath, [join(root, "node_modules/typescript/lib/tsc.js"), "-p", "."], { cwd: app, env }).catch((error: unknown) => error as { stdout: string });
    assert.equal(types.stdout, "");
    const { stdout } = await call(process.execPath, ["main.ts"], { cwd: app, env, timeout: 60_000 });
    assert.equal(stdout.trim(), "number function 2");
  });

  test("on an older Node.js it says what it needs", async (t) => {
    const { stdout } = await call("/usr/bin/node", ["--version"]).catch(() => ({ stdout: "" }));
    if (stdout === "" || Number(/\d+/.exec(stdout)?.[0]) >= 24) {
      t.skip("no older Node.js on this machine");
      return;
    }
    const failed = await call("/usr/bin/node", [installed("bin/vedette.js"), "--version"]).then(
      () => assert.fail("it started"),
      (error: unknown) => error as { code: number; stderr: string },
    );
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /needs Node\.js 24 or later; this is/);
  });
});

/** What is packed, in a folder of its own: packing rewrites package.json for a moment, which other tests must not see. */
async function copyProject(target: string): Promise<void> {
  await mkdir(join(target, "node_modules"), { recursive: true });
  for (const name of ["bin", "demo", "scripts", "src", "package.json", "tsconfig.json", "tsconfig.build.json", "LICENSE", "README.md", "CHANGELOG.md", "THIRD_PARTY_NOTICES.md"]) {
    await cp(join(root, name), join(target, name), { recursive: true });
  }
  // Only the bundled runtime is touched by packing; it is copied, the rest linked.
  const modules = join(root, "node_modules");
  for (const name of await readdir(modules)) {
    await (name.startsWith("onnxruntime") ? cp(join(modules, name), join(target, "node_modules", name), { recursive: true }) : symlink(join(modules, name), join(target, "node_modules", name)));
  }
}
