import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { OUTPUTS } from "./index.ts";

for (const { kind, schema } of OUTPUTS) {
  const readme = join(import.meta.dirname, kind, "README.md");
  if (existsSync(readme)) {
    test(`the sample in the README of ${kind} is a valid configuration`, () => {
      const [, sample = ""] = /```yaml\n(.*?)```/s.exec(readFileSync(readme, "utf8")) ?? [];
      const { outputs } = parse(sample) as { outputs: unknown[] };
      assert.equal(schema.parse(outputs[0]).kind, kind);
    });
  }
}
