import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { needsPrograms } from "../../../test/support/programs.ts";
import { wallTimeMs } from "../../domain/time.ts";
import { Bars } from "./bars.ts";
import { decodeClock, encodeClock, readClock } from "./clock-block.ts";

const NOON = Date.UTC(2026, 10, 21, 12);

test("the clock's cells give back any time and frame number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 47 }), fc.integer({ min: 0, max: 2 ** 24 - 1 }), (at, frame) => {
      assert.deepEqual(decodeClock(encodeClock({ atMs: wallTimeMs(at), frame })), { atMs: at, frame });
    }),
  );
});

test("cells that were not read right give nothing", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 95 }), fc.integer({ min: 0, max: 95 }), (a, b) => {
      const cells = encodeClock({ atMs: wallTimeMs(NOON), frame: 7 });
      cells[a] = !(cells[a] ?? false);
      if (a !== b) {
        cells[b] = !(cells[b] ?? false);
      }
      assert.equal(decodeClock(cells), undefined);
    }),
  );
  assert.equal(decodeClock([]), undefined);
});

test("a picture without a clock gives nothing", () => {
  assert.equal(readClock({ data: new Uint8Array(320 * 180).fill(128), stride: 320, width: 320, height: 180 }), undefined);
});

/** Frames of test:bars as raw 4:2:0, each with its own time. */
async function rawFrames(width: number, height: number, count: number): Promise<Buffer> {
  const bars = new Bars(width, height);
  const chunks: Buffer[] = [];
  for (let frame = 0; frame < count; frame++) {
    const { planes } = await bars.draw(frame, wallTimeMs(NOON + frame * 40));
    chunks.push(...planes.map(({ data }) => Buffer.from(data)));
  }
  return Buffer.concat(chunks);
}

function through(width: number, height: number, input: Buffer, encode: readonly string[], container: string, scaled = `${width}x${height}`): Buffer {
  const run = (args: readonly string[], bytes: Buffer): Buffer => execFileSync("ffmpeg", ["-v", "error", ...args], { input: bytes, maxBuffer: 1 << 28 });
  const coded = run(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", `${width}x${height}`, "-r", "25", "-i", "-", ...encode, "-f", container, "-"], input);
  return run(["-f", container, "-i", "-", "-s", scaled, "-f", "rawvideo", "-pix_fmt", "gray", "-"], coded);
}

for (const [name, size, encode, container, scaled] of [
  ["H.264 at a low rate", [640, 360], ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "200k"], "h264", undefined],
  ["H.264 with B-frames, small", [320, 180], ["-c:v", "libx264", "-crf", "32"], "h264", undefined],
  ["JPEG of poor quality", [640, 360], ["-c:v", "mjpeg", "-q:v", "24"], "mjpeg", undefined],
  ["H.264 and scaling to another shape", [960, 540], ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "30"], "h264", "416x416"],
] as const) {
  test(`the clock survives ${name}`, needsPrograms("ffmpeg"), async () => {
    const [width, height] = size;
    const grey = through(width, height, await rawFrames(width, height, 12), encode, container, scaled);
    const [outWidth = width, outHeight = height] = (scaled ?? `${width}x${height}`).split("x").map(Number);
    const readings = Array.from({ length: 12 }, (_, frame) =>
      readClock({ data: grey.subarray(frame * outWidth * outHeight), stride: outWidth, width: outWidth, height: outHeight }),
    );
    assert.deepEqual(readings, Array.from({ length: 12 }, (_, frame) => ({ atMs: NOON + frame * 40, frame })));
  });
}
