import type { z } from "zod";
import { VedetteError } from "../errors.ts";
import { nearest } from "../runtime/nearest.ts";

/**
 * What is wrong with a configuration, as one error that names the place, what was expected and, for a misspelt key, the
 * right one. `known` lists keys for the suggestions.
 */
export function configError(error: z.ZodError, file: string, known: readonly string[]): VedetteError {
  const issue = error.issues[0];
  if (issue === undefined) {
    return new VedetteError("E_CONFIG", { where: file, reason: "not valid" });
  }
  const { path, reason } = deepest(issue, known);
  const where = path.length === 0 ? file : `${file}: ${path.map(String).join(".")}`;
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : "";
  return new VedetteError("E_CONFIG", { where, reason: `${reason}${more}` }, { cause: error });
}

/** The innermost issue: inside a union, that of the alternative that came furthest. */
function deepest(issue: z.core.$ZodIssue, known: readonly string[], prefix: readonly PropertyKey[] = []): { path: readonly PropertyKey[]; reason: string } {
  const path = [...prefix, ...issue.path];
  if (issue.code === "invalid_union") {
    const inner = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0];
    if (inner !== undefined) {
      return deepest(inner, known, path);
    }
  }
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const right = nearest(key, known);
    return { path, reason: `unknown key "${key}"${right === undefined ? "" : `, did you mean "${right}"?`}` };
  }
  return { path, reason: issue.message };
}

/** Every property name that occurs in a JSON schema: what a misspelt key may have been meant to be. */
export function keysOf(schema: unknown): string[] {
  const keys = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) {
      return;
    }
    for (const [key, value] of Object.entries(node as Record<string, unknown>)) {
      if (key === "properties" && typeof value === "object" && value !== null) {
        Object.keys(value).forEach((name) => keys.add(name));
      }
      visit(value);
    }
  };
  visit(schema);
  return [...keys];
}
