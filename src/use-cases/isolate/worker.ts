/** The thread of one use case: loads the user's file, and calls its functions one at a time. */
import { spawnSync } from "node:child_process";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import type { LogLevel } from "../../contracts/log.ts";
import { toFault } from "./fault-place.ts";
import { HOOKS, type Call, type Fault, type FromUseCase, type Hook } from "./messages.ts";

// Started by use-case-thread.ts only, which passes the file's address.
const port = parentPort as NonNullable<typeof parentPort>;
const file = workerData as string;

const MOST_LOG_LINES_PER_SECOND = 50;

function post(message: FromUseCase): void {
  port.postMessage(message);
}

/** `import … from "vedette"` works wherever the user's file lies, and gets the few things that a use case needs. */
function resolveVedette(): void {
  const authoring = new URL(import.meta.url.endsWith(".ts") ? "../authoring.ts" : "../authoring.js", import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) => (specifier === "vedette" ? { url: authoring, shortCircuit: true } : next(specifier, context)),
  });
}

/** The user's console goes to the log, so many lines a second. */
function redirectConsole(): void {
  let second = 0;
  let lines = 0;
  const write = (level: LogLevel) => (...parts: unknown[]): void => {
    const now = Math.floor(performance.now() / 1000);
    lines = now === second ? lines + 1 : 1;
    second = now;
    if (lines <= MOST_LOG_LINES_PER_SECOND) {
      post({ type: "log", level, text: format(...parts) });
    } else if (lines === MOST_LOG_LINES_PER_SECOND + 1) {
      post({ type: "log", level: "warn", text: `more than ${MOST_LOG_LINES_PER_SECOND} lines in this second are left out` });
    }
  };
  Object.assign(globalThis.console, { log: write("info"), info: write("info"), warn: write("warn"), error: write("error"), debug: write("debug") });
}

/** The module's default export, or the module itself. */
async function load(): Promise<Record<string, unknown>> {
  const module = (await import(file)) as Record<string, unknown>;
  const { default: main } = module;
  return typeof main === "object" && main !== null ? (main as Record<string, unknown>) : module;
}

/** JavaScript's own syntax errors do not say where; asking Node to check the file does. */
function withSyntaxPlace(fault: Fault): Fault {
  if (fault.place !== undefined || !fault.reason.startsWith("SyntaxError")) {
    return fault;
  }
  const path = fileURLToPath(file);
  const { stderr } = spawnSync(process.execPath, ["--check", path], { encoding: "utf8", timeout: 5_000 });
  const [, line] = /:(\d+)\r?\n/.exec(stderr) ?? [];
  return line === undefined ? fault : { ...fault, place: { file: path, line: Number(line) } };
}

function hooksOf(useCase: Record<string, unknown>): readonly Hook[] {
  const hooks = HOOKS.filter((hook) => useCase[hook] !== undefined);
  const wrong = hooks.find((hook) => typeof useCase[hook] !== "function");
  if (wrong !== undefined) {
    throw new TypeError(`${wrong}: expected a function, got ${typeof useCase[wrong]}`);
  }
  if (hooks.length === 0 && useCase["model"] === undefined && useCase["input"] === undefined) {
    throw new TypeError(`exports none of ${[...HOOKS, "model", "input"].join(", ")}`);
  }
  return hooks;
}

async function answer(useCase: Record<string, unknown>, { id, hook, args }: Call): Promise<void> {
  try {
    // hooksOf has seen that it is a function; called on the object, so that `this` works.
    const value = await (useCase as Record<string, (...args: readonly unknown[]) => unknown>)[hook]?.(...args);
    post({ type: "returned", id, value });
  } catch (error) {
    post({ type: "threw", id, fault: toFault(error) });
  }
}

redirectConsole();
resolveVedette();
post({ type: "loading" });
try {
  const useCase = await load();
  const hooks = hooksOf(useCase);
  port.on("message", (call: Call) => void answer(useCase, call));
  post({ type: "loaded", hooks, hints: { model: useCase["model"], input: useCase["input"] } });
} catch (error) {
  post({ type: "refused", fault: withSyntaxPlace(toFault(error)) });
}
