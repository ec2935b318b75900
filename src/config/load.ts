import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { z } from "zod";
import { configSchema, streamSchema } from "./schema.ts";
import { configError, keysOf } from "./issues.ts";
import { VedetteError } from "../errors.ts";
import type { Config, StreamConfig } from "./schema.ts";

/** Reads and checks a configuration file. `${NAME}` in a text is taken from the environment. Throws `E_CONFIG`. */
export async function loadConfig(file: string, env: NodeJS.ProcessEnv = process.env): Promise<Config> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new VedetteError("E_CONFIG", { where: file, reason: reasonOf(error) }, { cause: error });
  }
  return parseConfig(text, file, env);
}

/** As {@link loadConfig}, from the text. */
export function parseConfig(text: string, file: string, env: NodeJS.ProcessEnv): Config {
  const document = parseDocument(text, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new VedetteError("E_CONFIG", { where: file, reason: problem.message.split("\n")[0] ?? "not YAML" });
  }
  return checkConfig(fillIn(document.toJS() ?? {}, env, file), file);
}

/** Checks a configuration value against the schema and fills in the defaults. */
export function checkConfig(value: unknown, file: string): Config {
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    throw configError(parsed.error, file, keysOf(configJsonSchema()));
  }
  return parsed.data;
}

/** Checks what is said about one stream, from flags or a request, and fills in the defaults. */
export function parseStream(name: string, value: unknown): StreamConfig {
  const parsed = streamSchema.safeParse(value);
  if (!parsed.success) {
    throw configError(parsed.error, name, keysOf(z.toJSONSchema(streamSchema, { io: "input", unrepresentable: "any" })));
  }
  return parsed.data;
}

/** The JSON schema of the configuration file, for editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}

/** Replaces `${NAME}` in every text, so that passwords need not stand in the file. */
function fillIn(value: unknown, env: NodeJS.ProcessEnv, file: string): unknown {
  if (typeof value === "string") {
    return value.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = env[name];
      if (found === undefined) {
        throw new VedetteError("E_CONFIG", { where: file, reason: `the environment has no ${name}` });
      }
      return found;
    });
  }
  if (Array.isArray(value)) {
    return value.map((item) => fillIn(item, env, file));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillIn(item, env, file)]));
  }
  return value;
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a directory" : String(code ?? error);
}
