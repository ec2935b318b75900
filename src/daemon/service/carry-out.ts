import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { VedetteError } from "../../errors.ts";
import type { ServiceStep } from "./settings.ts";

/** Does the steps in order; what programs print goes through. Gives the exit code of the last one. Throws `E_SERVICE`. */
export async function carryOut(steps: readonly ServiceStep[], service: string): Promise<number> {
  let code = 0;
  for (const step of steps) {
    try {
      code = await doOne(step);
    } catch (error) {
      throw new VedetteError("E_SERVICE", { service, reason: reasonOf(error, step) }, { cause: error });
    }
    if (code !== 0 && step.do === "run" && step.mayFail !== true) {
      if (steps.length === 1) {
        return code;
      }
      throw new VedetteError("E_SERVICE", { service, reason: `${step.command.join(" ")} ended with ${String(code)}` });
    }
  }
  return code;
}

async function doOne(step: ServiceStep): Promise<number> {
  switch (step.do) {
    case "write":
      await mkdir(dirname(step.path), { recursive: true });
      await writeFile(step.path, step.text, { mode: step.mode });
      return 0;
    case "remove":
      await rm(step.path, { force: true });
      return 0;
    case "run": {
      const [program, ...args] = step.command;
      const child = spawn(program, args, { stdio: "inherit" });
      const [code] = (await once(child, "exit")) as [number | null];
      return code ?? 1;
    }
  }
}

function reasonOf(error: unknown, step: ServiceStep): string {
  const { code } = error as NodeJS.ErrnoException;
  if (step.do === "run") {
    return code === "ENOENT" ? `there is no ${step.command[0]} here` : `${step.command[0]}: ${String(code ?? error)}`;
  }
  return code === "EACCES" || code === "EPERM" ? `${step.path} cannot be changed: run it with sudo` : `${step.path}: ${String(code ?? error)}`;
}

/** The steps for people: what would be done. */
export function describeSteps(steps: readonly ServiceStep[]): string {
  return steps
    .map((step) => {
      switch (step.do) {
        case "write":
          return `# write ${step.path}\n${step.text}`;
        case "remove":
          return `# remove ${step.path}\n`;
        case "run":
          return `# run ${step.command.join(" ")}\n`;
      }
    })
    .join("\n");
}
