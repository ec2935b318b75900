// One command for everything that is checked without running the program: types, lint (with docblocks), layers and
// cycles, generated files, documentation.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

const steps: [name: string, command: string[]][] = [
  ["types", ["tsc", "-p", "."]],
  ["lint", ["eslint", "--max-warnings", "0", "--concurrency", String(Math.min(2, availableParallelism())), "."]],
  ["layers and cycles", ["depcruise", "--config", ".dependency-cruiser.cjs", "--output-type", "err-long", "src"]],
  ["generated files", ["node", "scripts/generate.ts", "--check"]],
  ["documentation", ["node", "scripts/check-docs.ts"]],
];

let failures = 0;
for (const [name, [command = "", ...args]] of steps) {
  const start = performance.now();
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  failures += status === 0 ? 0 : 1;
  console.log(`${status === 0 ? "ok  " : "FAIL"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}
process.exitCode = failures === 0 ? 0 : 1;
