#!/usr/bin/env node
// Starts the command line: the sources in a clone (Node strips the types), the compiled program in an installed package.
import { existsSync } from "node:fs";
// Not by name: an older Node.js has no such export, and is to be told what is needed.
import nodeModule from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

if (Number(process.versions.node.split(".", 1)[0]) < 24) {
  process.stderr.write(
    `vedette needs Node.js 24 or later; this is ${process.versions.node}.\n` +
      "In a clone, `npx vedette` and `npm start` use the Node.js that `npm ci` brings.\n",
  );
  process.exit(2);
}
// Little here lives long in a young heap (pixels and packets lie outside of it): small ones, in this thread and in every
// worker, take 25 MB less (docs/benchmarks.md).
setFlagsFromString("--max-semi-space-size=1");
// Compiled code (and types once stripped) is kept between starts, in the user's own folder: starting takes a third of the
// processor time (docs/benchmarks.md). Node goes on without where that folder cannot be written. Workers find it by the
// environment.
const cacheHome = process.env["XDG_CACHE_HOME"] ?? process.env["LOCALAPPDATA"] ?? join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache");
process.env["NODE_COMPILE_CACHE"] ??= join(cacheHome, "vedette", "compiled");
nodeModule.enableCompileCache(process.env["NODE_COMPILE_CACHE"]);
const source = new URL("../src/cli/main.ts", import.meta.url);
await import(existsSync(source) ? source.href : new URL("../dist/cli/main.js", import.meta.url).href);
