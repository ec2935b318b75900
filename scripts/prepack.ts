// Before `npm pack` and `npm publish`: compiles to dist/ and turns package.json into the published form, which
// `scripts/postpack.ts` takes back.
//
// The published package brings ONNX Runtime along (bundleDependencies): its own install script downloads CUDA libraries
// and fails the whole installation where the outside world cannot be reached. See docs/adr/published-package.md.
import { spawnSync } from "node:child_process";
import { cp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";

interface Manifest {
  exports?: Record<string, unknown>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  bundleDependencies?: string[];
  [key: string]: unknown;
}

const BUNDLED = ["onnxruntime-node", "onnxruntime-common"];

if (await exists("package.json.orig")) {
  throw new Error("package.json.orig exists: an earlier pack was interrupted; run node scripts/postpack.ts");
}
await rm("dist", { recursive: true, force: true });
const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json"], { stdio: ["ignore", 2, 2] });
if (status !== 0) {
  process.exit(1);
}

const manifest = JSON.parse(await readFile("package.json", "utf8")) as Manifest;
await cp("package.json", "package.json.orig");
const { devDependencies, allowScripts, scripts, ...published } = manifest;
await writeFile(
  "package.json",
  `${JSON.stringify(
    {
      ...published,
      engines: { node: ">=24" },
      scripts: {},
      exports: Object.fromEntries(Object.entries(manifest.exports ?? {}).map(([name, target]) => [name, compiled(target)])),
      dependencies: { ...manifest.dependencies, "onnxruntime-common": await versionOf("onnxruntime-common") },
      bundleDependencies: BUNDLED,
    },
    undefined,
    2,
  )}\n`,
);
// The bundled runtime goes without its install script and what only that script needs.
const runtime = "node_modules/onnxruntime-node/package.json";
await rename(runtime, `${runtime}.orig`);
const bundled = JSON.parse(await readFile(`${runtime}.orig`, "utf8")) as Manifest;
await writeFile(
  runtime,
  JSON.stringify({ ...bundled, scripts: {}, dependencies: { "onnxruntime-common": bundled.dependencies?.["onnxruntime-common"] } }, undefined, 2),
);

function compiled(target: unknown): unknown {
  if (typeof target !== "string" || !target.startsWith("./src/")) {
    return target;
  }
  const base = target.replace("./src/", "./dist/").replace(/\.ts$/, "");
  return { types: `${base}.d.ts`, default: `${base}.js` };
}

async function versionOf(name: string): Promise<string> {
  const { version } = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8")) as { version: string };
  return version;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
