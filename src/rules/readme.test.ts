// The samples of the kinds' READMEs and of the pages about them are settings that are taken as they stand.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { createRules, type RuleConfig } from "./create-rules.ts";
import { TRACKERS } from "../trackers/index.ts";
import { RULES } from "./index.ts";

const root = new URL("../../", import.meta.url);
const pages = [...globSync("src/{rules,trackers}/*/README.md", { cwd: root }), "docs/rules.md", "docs/tracking.md"];

for (const page of pages) {
  test(`${page}: its samples are valid`, () => {
    const samples = [...readFileSync(new URL(page, root), "utf8").matchAll(/```yaml\n(.*?)```/gs)].map(([, sample]) => parse(sample ?? "") as { rules?: RuleConfig[]; track?: { kind: string } });
    assert.ok(samples.length > 0, "it has no sample");
    for (const { rules = [], track } of samples) {
      createRules(rules, { stream: "gate", labels: ["person", "cat", "dog", "car", "truck"] });
      const tracker = TRACKERS.find(({ kind }) => kind === track?.kind);
      assert.equal(tracker === undefined, track === undefined);
      tracker?.schema.parse(track);
    }
  });
}

test("every kind has a README", () => {
  const expected = [...RULES.map(({ kind }) => `src/rules/${kind}/README.md`), ...TRACKERS.map(({ kind }) => `src/trackers/${kind}/README.md`)];
  assert.deepEqual(expected.filter((page) => !pages.includes(page)), []);
});
