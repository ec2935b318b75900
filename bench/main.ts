// `npm run bench -- NAME [args]`: measures this machine. Figures are ratios within one run wherever they can be.
import { basename } from "node:path";
import { existsSync, globSync } from "node:fs";

/** Every benchmark: a file beside this one that exports `run(args)`. */
const BENCHMARKS: Readonly<Record<string, string>> = {
  run: "the main job beside its raw parts and beside an OpenCV loop",
  track: "MOTA, IDF1 and switches of the trackers, and their cost",
  batch: "the batcher on a simulated engine, under load and overload",
  serve: "the model server, in the manner of perf_analyzer",
  live: "one-way latency of every live output",
  upload: "uploads to Kinesis Video Streams",
};

const [name = "run", ...args] = process.argv.slice(2);
const file = new URL(`./${basename(name)}.ts`, import.meta.url);
if (!(name in BENCHMARKS) || !existsSync(file)) {
  const known = globSync("*.ts", { cwd: import.meta.dirname }).map((each) => basename(each, ".ts")).filter((each) => each in BENCHMARKS);
  console.error(`no benchmark "${name}":\n${known.map((each) => `  ${each.padEnd(8)} ${BENCHMARKS[each] ?? ""}`).join("\n")}`);
  process.exit(2);
}
const { run } = (await import(file.href)) as { run: (args: readonly string[]) => Promise<void> };
await run(args);
