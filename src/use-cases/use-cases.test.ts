import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import type { YuvPicture } from "../domain/picture.ts";
import { blankPicture, paddingTouched, samples } from "../../test/support/pictures.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import { USE_CASES } from "./index.ts";

function draw(name: string, picture: YuvPicture): YuvPicture {
  const useCase = USE_CASES.find((candidate) => candidate.name === name);
  assert.ok(useCase !== undefined);
  void useCase.create().draw(picture, undefined, []);
  assert.equal(paddingTouched(picture), false);
  return picture;
}

/** A picture from ffmpeg's generator, in the given range. */
function testPicture(width: number, height: number, range: "tv" | "pc", filter = "null"): YuvPicture {
  const raw = execFileSync("ffmpeg", [
    "-v", "error", "-f", "lavfi", "-i", `testsrc2=s=${width}x${height}`, "-vf", `format=gbrp,${filter},scale=out_color_matrix=bt601:out_range=${range}:flags=accurate_rnd+full_chroma_int+full_chroma_inp,format=yuv420p`,
    "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-",
  ]);
  const picture = blankPicture(width, height, { fullRange: range === "pc" });
  let at = 0;
  picture.planes.forEach((plane, i) => {
    const planeWidth = i === 0 ? width : (width + 1) >> 1;
    for (let y = 0; y < (i === 0 ? height : (height + 1) >> 1); y++, at += planeWidth) {
      plane.data.set(raw.subarray(at, at + planeWidth), y * plane.stride);
    }
  });
  return picture;
}

test("inverting is what ffmpeg makes of 255 − RGB, in both ranges", needsPrograms("ffmpeg"), () => {
  for (const range of ["tv", "pc"] as const) {
    const inverted = draw("invert", testPicture(322, 182, range));
    const expected = testPicture(322, 182, range, "negate");
    for (const plane of [0, 1, 2] as const) {
      const other = samples(expected, plane);
      const worst = samples(inverted, plane).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
      assert.ok(worst <= 2, `plane ${plane} of ${range} is off by ${worst}`);
    }
  }
});

test("inverting turns white into black, and twice into what it was, on odd sizes too", () => {
  const white = draw("invert", blankPicture(17, 5, { luma: 235 }));
  assert.deepEqual([...new Set(samples(white, 0))], [16]);
  assert.deepEqual([...new Set(samples(draw("invert", white), 0))], [235]);
  assert.deepEqual([...new Set(samples(draw("invert", blankPicture(17, 5, { luma: 255, fullRange: true })), 0))], [0]);
});

test("passing through changes nothing", () => {
  assert.deepEqual(draw("passthrough", blankPicture(17, 5, { luma: 77 })), blankPicture(17, 5, { luma: 77 }));
});

test("edges are white on black, and flat areas black", () => {
  const picture = blankPicture(41, 31, { luma: 40 });
  const [luma] = picture.planes;
  for (let y = 0; y < 31; y++) {
    luma.data.fill(220, y * luma.stride + 20, y * luma.stride + 41);
  }
  const rows = samples(draw("edges", picture), 0);
  for (const y of [0, 15, 30]) {
    const row = rows.subarray(y * 41, (y + 1) * 41);
    assert.deepEqual([row[0], row[18], row[22], row[40]], [16, 16, 16, 16], `row ${y}`);
    assert.ok((row[19] ?? 0) > 150 && (row[20] ?? 0) > 150, `row ${y}`);
  }
  for (const [width, height] of [[1, 1], [2, 1], [1, 7], [3, 3]] as const) {
    draw("edges", blankPicture(width, height));
  }
});

test("names are unique and summaries are one line", () => {
  assert.equal(new Set(USE_CASES.map(({ name }) => name)).size, USE_CASES.length);
  for (const { summary } of USE_CASES) {
    assert.match(summary, /^[^\n]{5,80}$/);
  }
});
