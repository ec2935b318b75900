import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { FAMILIES } from "../tasks/index.ts";
import { CATALOGUE } from "./catalogue-data.ts";
import { LABEL_SETS } from "./labels.ts";
import { familyNamed } from "../tasks/index.ts";
import { inputSchema, manifestSchema, parseManifest } from "./manifest.ts";
import type { z } from "zod";

const page = await readFile(new URL("../../docs/models.md", import.meta.url), "utf8");

test("docs/models.md shows every family with its options, every manifest key, every label set", () => {
  for (const { name, task, options } of FAMILIES) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\` | ${task} |`));
    assert.ok(row, name);
    for (const option of Object.keys((options as z.ZodObject).shape)) {
      assert.ok(row.includes(`\`${option}\``), `${name}: ${option}`);
    }
  }
  const sample = /```yaml\n([^]*?)```/.exec(page)![1]!;
  const manifest = parseManifest(sample, "docs/models.md");
  assert.deepEqual(Object.keys(manifest).sort(), Object.keys(manifestSchema.shape).sort());
  assert.deepEqual(Object.keys(manifest.input!).sort(), Object.keys(inputSchema.shape).sort());
  for (const name of Object.keys(LABEL_SETS)) {
    assert.ok(page.includes(`\`${name}\``), name);
  }
});

test("every field of the manifest and of every family is described", () => {
  for (const schema of [manifestSchema, inputSchema, ...FAMILIES.map(({ options }) => options as z.ZodObject)]) {
    for (const [key, field] of Object.entries(schema.shape)) {
      assert.ok((field as z.ZodType).description, key);
    }
  }
});

test("the catalogue is sound: unique names, real digests, https addresses, manifests that its families take", () => {
  assert.equal(new Set(CATALOGUE.map(({ name }) => name)).size, CATALOGUE.length);
  for (const { name, sha256, sizeBytes, urls, manifest } of CATALOGUE) {
    assert.match(sha256, /^[0-9a-f]{64}$/);
    assert.ok(sizeBytes > 0 && urls.length > 0 && urls.every((url) => url.startsWith("https://")), name);
    if (manifest !== undefined) {
      manifestSchema.parse(manifest);
      const family = familyNamed(manifest.family!)!;
      assert.equal(family.task, manifest.task, name);
      family.options.parse(manifest.options ?? {});
      assert.ok(typeof manifest.labels !== "string" || manifest.labels in LABEL_SETS || manifest.labels.startsWith("imagenet-"), name);
    }
  }
});
