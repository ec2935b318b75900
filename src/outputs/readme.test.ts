import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { httpOutput } from "./http/index.ts";
import { jsonlOutput } from "./jsonl/index.ts";
import { kvsOutput } from "./kvs/index.ts";
import { webhookOutput } from "./webhook/index.ts";

for (const { kind, schema } of [jsonlOutput, httpOutput, webhookOutput, kvsOutput]) {
  test(`the sample in the README of ${kind} is a valid configuration`, async () => {
    const text = await readFile(join(import.meta.dirname, kind, "README.md"), "utf8");
    const [, sample = ""] = /```yaml\n(.*?)```/s.exec(text) ?? [];
    const { outputs } = parse(sample) as { outputs: unknown[] };
    assert.equal(schema.parse(outputs[0]).kind, kind);
  });
}
