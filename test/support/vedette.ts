// The command line as a user runs it.
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";

const BIN = fileURLToPath(new URL("../../bin/vedette.js", import.meta.url));

/** What came of a command. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** What it printed so far. */
  readonly output: () => string;
  /** Resolves once the output matches; rejects when the command ends before. */
  until(pattern: RegExp): Promise<RegExpMatchArray>;
  readonly finished: Promise<Finished>;
}

/** Starts `vedette …args`; it is killed when the test ends. */
export function startVedette(t: TestContext, args: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, VEDETTE_LOG_LEVEL: "info", ...options.env },
  });
  t.after(() => child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  const listeners = new Set<() => void>();
  const told = (): void => {
    for (const listener of listeners) {
      listener();
    }
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    told();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    told();
  });
  const finished = once(child, "close").then(([code]) => {
    told();
    return { code: code as number | null, stdout, stderr };
  });
  return {
    child,
    output: () => stdout + stderr,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = (stdout + stderr).match(pattern);
          if (match !== null) {
            listeners.delete(look);
            resolve(match);
          } else if (child.exitCode !== null) {
            listeners.delete(look);
            reject(new Error(`vedette ended with ${child.exitCode} before ${String(pattern)}:\n${stdout}${stderr}`));
          }
        };
        listeners.add(look);
        look();
      }),
    finished,
  };
}

/** Runs `vedette …args` to its end. */
export function vedette(t: TestContext, args: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}): Promise<Finished> {
  return startVedette(t, args, options).finished;
}
