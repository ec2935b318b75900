import { resolve } from "node:path";
import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import { JsonLinesOutput } from "./json-lines-output.ts";

const schema = z.strictObject({
  kind: z.literal("jsonl"),
  path: z.string().min(1).describe("File that receives one JSON object a line, or `-` for standard output"),
  events: z.boolean().default(false).describe("Also writes the rules' events, as lines `{\"event\":{…}}`"),
});

/** `FILE.jsonl` or `-`: one line per result. */
export const jsonlOutput = defineOutput({
  kind: "jsonl",
  schema,
  addresses: ["FILE.jsonl", "-"],
  fromAddress: (address) =>
    address === "-" || (/\.(jsonl|ndjson)$/i.test(address) && !/^[a-z][a-z0-9+.-]+:/i.test(address)) ? { kind: "jsonl" as const, path: address } : undefined,
  create: (config, context) =>
    new JsonLinesOutput({
      path: config.path === "-" ? undefined : resolve(context.baseDir, config.path),
      name: config.path,
      events: config.events,
      log: context.log,
      stdout: process.stdout,
    }),
});
