import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { blankPicture, paddingTouched, samples } from "../../test/support/pictures.ts";
import { GlyphCache } from "./glyphs.ts";
import { drawText, measureText, readableOn } from "./text.ts";

const style = { sizePx: 20, color: 0xffffff };

function inked(text: string, over: Partial<typeof style> = {}): number {
  const picture = blankPicture(301, 41, { luma: 16 });
  drawText(picture, text, 5, 5, { ...style, ...over });
  assert.equal(paddingTouched(picture), false);
  return samples(picture, 0).reduce((sum, value) => sum + (value - 16) / 219, 0);
}

test("text is as wide as DejaVu Sans says", () => {
  // Advances from the font's hmtx table, 2048 units per em: H 1540, e 1260, l 569, o 1253.
  const expected = ((1540 + 1260 + 569 + 569 + 1253) / 2048) * 20;
  assert.ok(Math.abs(measureText("Hello", style).width - expected) <= 1);
});

test("text lands where it was put, with soft edges, and nowhere else", () => {
  const picture = blankPicture(201, 61, { luma: 16 });
  const { width, height } = drawText(picture, "Hxg", 31, 20, style);
  const luma = samples(picture, 0);
  const columns = [...luma.keys()].filter((i) => luma[i] !== 16).map((i) => i % 201);
  const rows = [...luma.keys()].filter((i) => luma[i] !== 16).map((i) => Math.floor(i / 201));
  assert.ok(Math.min(...columns) >= 31 && Math.max(...columns) < 31 + width + 1);
  assert.ok(Math.min(...rows) >= 20 && Math.max(...rows) < 20 + height);
  assert.ok(luma.some((value) => value > 60 && value < 190), "no soft edges");
  assert.ok(luma.some((value) => value === 235), "no full ink");
});

test("a label's words are put together with their spaces", () => {
  const apart = measureText("person", style).width + measureText("91%", style).width;
  const together = measureText("person 91%", style).width;
  assert.ok(together > apart + 4 && together < apart + 9, `${together} for ${apart}`);
});

test("any text is drawn: other scripts, characters that the font lacks, control characters, broken surrogates", () => {
  for (const text of ["Größe", "Ωμέγα", "Привет", "שלום עולם", "مرحبا", "漢字", "\u{10FFFD}", "a\u0000b\nc\td\u2028e", "\ud800x", "e\u0301"]) {
    assert.ok(inked(text) > 10, `nothing to see of ${JSON.stringify(text)}`);
  }
  assert.equal(inked(""), 0);
  assert.equal(inked(" \n "), 0);
  assert.equal(measureText("a\u0000b", style).width, measureText("a b", style).width);
});

test("endless labels are cut, also without spaces", () => {
  for (const text of ["x".repeat(10_000), "ab ".repeat(1_000_000), "\u0301".repeat(10_000), "😀".repeat(5000)]) {
    assert.ok(measureText(text, style).width < 6000);
    assert.ok(inked(text) >= 0);
  }
});

test("text beyond every border is clipped", () => {
  const picture = blankPicture(61, 31);
  for (const [x, y] of [[-20, -5], [50, 25], [-500, 5], [500, 5], [5, -100], [5, 100], [1e12, 0], [NaN, NaN]] as const) {
    drawText(picture, "clipped label", x, y, { ...style, background: 0xff0000 });
  }
  assert.equal(paddingTouched(picture), false);
});

test("the background is behind all of the text", () => {
  const picture = blankPicture(201, 61, { luma: 200 });
  const { width, height } = drawText(picture, "dark", 10, 10, { sizePx: 20, color: 0xffffff, background: 0x000000 });
  const luma = samples(picture, 0);
  assert.equal(luma[10 * 201 + 10], 16);
  assert.equal(luma[(10 + height - 1) * 201 + 10 + width - 1], 16);
  assert.equal(luma[(10 + height) * 201 + 10 + width], 200);
});

test("letters are black on light colours and white on dark ones", () => {
  assert.equal(readableOn(0xffff00), 0x000000);
  assert.equal(readableOn(0x0000ff), 0xffffff);
});

test("the cache stays within its size and keeps what is used", () => {
  const cache = new GlyphCache(20_000);
  const kept = cache.run("kept", 20);
  for (let i = 0; i < 500; i++) {
    cache.run(`word${i}`, 20);
    assert.equal(cache.run("kept", 20), kept);
  }
  assert.ok(cache.sizeBytes <= 20_000);
});

test("a process that draws no text never loads the font library", () => {
  const overlay = JSON.stringify(join(import.meta.dirname, "overlay.ts"));
  const pictures = JSON.stringify(join(import.meta.dirname, "../../test/support/pictures.ts"));
  const script = `
    import { createRequire } from "node:module";
    const { createOverlay } = await import(${overlay});
    const { blankPicture } = await import(${pictures});
    const result = { detections: [{ label: "x", classId: 0, score: 1, box: [5, 5, 50, 50] }] };
    const loaded = () => process.report.getReport().sharedObjects.some((file) => file.includes("skia"));
    createOverlay({ labels: false }).draw(blankPicture(100, 100), result, []);
    const before = loaded();
    createOverlay().draw(blankPicture(100, 100), result, []);
    console.log(before, loaded());`;
  assert.equal(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }).trim(), "false true");
});
