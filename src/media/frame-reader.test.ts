import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { ffmpeg, probeStreams, temporaryFolder, testPicture } from "../../test/support/clips.ts";
import { decodeFile, firstPixels, inputSpec } from "../../test/support/decoding.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import type { DrawableFrame, VideoFrame } from "../contracts/frame.ts";
import { aliveFrames, createFrameReader, frameFromPicture } from "./index.ts";

const tools = needsPrograms("ffmpeg", "ffprobe");
const folder = temporaryFolder();

/** A one-colour clip in the given pixel format, matrix and range; its first frame's centre as RGB. */
async function colourThrough(rgb: readonly [number, number, number], format: string, matrix: string, range: string): Promise<number[]> {
  const path = join(folder, `c-${rgb.join("-")}-${format}-${matrix}-${range}.mkv`);
  const hex = rgb.map((value) => value.toString(16).padStart(2, "0")).join("");
  await ffmpeg(
    "-f", "lavfi", "-i", `color=0x${hex}:s=64x64:d=0.2:r=10,format=gbrp`,
    "-vf", `scale=out_color_matrix=${matrix}:out_range=${range}:flags=accurate_rnd+full_chroma_int,format=${format}`,
    "-c:v", "libx264", "-qp", "0", "-colorspace", matrix === "bt709" ? "bt709" : "smpte170m", "-color_range", range, path,
  );
  const pixels = await firstPixels(path, { width: 64, height: 64 });
  const at = (32 * 64 + 32) * 3;
  return [...pixels.subarray(at, at + 3)];
}

test("colours come out as they were meant: matrix, range and depth", tools, async () => {
  for (const rgb of [[200, 30, 60], [20, 180, 90], [30, 60, 220], [255, 255, 255], [0, 0, 0]] as const) {
    for (const [format, matrix, range] of [
      ["yuv420p", "bt601", "tv"], ["yuv420p", "bt709", "tv"], ["yuv420p", "bt709", "pc"], ["yuvj420p", "bt601", "pc"],
      ["yuv420p10le", "bt709", "tv"], ["yuv422p", "bt601", "tv"], ["yuv444p", "bt709", "pc"],
    ] as const) {
      const seen = await colourThrough(rgb, format, matrix, range);
      seen.forEach((value, channel) => assert.ok(Math.abs(value - (rgb[channel] ?? 0)) <= 3, `${format} ${matrix} ${range}: expected ${rgb.join()}, got ${seen.join()}`));
    }
  }
});

test("channels come in the order asked for", tools, async () => {
  const path = join(folder, "c-200-30-60-yuv420p-bt709-tv.mkv");
  const at = (pixels: Uint8Array): number[] => [...pixels.subarray(0, 3)];
  assert.deepEqual(at(await firstPixels(path, { color: "BGR" })), at(await firstPixels(path, { color: "RGB" })).reverse());
  const gray = await firstPixels(path, { color: "GRAY" });
  // As OpenCV's BGR2GRAY: 0.299 × 200 + 0.587 × 30 + 0.114 × 60, whatever the video's own matrix.
  assert.ok(Math.abs((gray[2080] ?? 0) - 84.3) <= 3, String(gray[2080]));
  assert.equal(gray.length, 64 * 64);
});

test("pictures lie in the input as asked, and the geometry leads back", tools, async () => {
  const path = join(folder, "wide.mkv");
  await ffmpeg("-f", "lavfi", "-i", "color=white:s=200x100:d=0.2:r=10", "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p", path);
  await using reader = createFrameReader();
  await decodeFile(path, async (frame) => {
    // swscale's fast path, which OpenCV uses too, gives 253 for white.
    const rows = (pixels: Uint8Array): number[] => Array.from({ length: 64 }, (_, y) => pixels[(y * 64 + 32) * 3] ?? -1).map((value) => (value >= 253 ? 255 : value));
    const into = new Uint8Array(64 * 64 * 3 + 10).fill(77);
    const center = await reader.toInput(frame, inputSpec({ fit: "letterbox" }), into);
    assert.deepEqual(rows(center.data), [...Array<number>(16).fill(114), ...Array<number>(32).fill(255), ...Array<number>(16).fill(114)]);
    assert.deepEqual(center.geometry, { sourceWidth: 200, sourceHeight: 100, inputWidth: 64, inputHeight: 64, scaleX: 3.125, scaleY: 3.125, offsetX: 0, offsetY: -50 });
    assert.equal(center.data.length, 64 * 64 * 3);
    assert.deepEqual([...into.subarray(-10)], Array(10).fill(77), "writes within its bounds");
    const topLeft = await reader.toInput(frame, inputSpec({ fit: "letterbox", anchor: "top-left", pad: 0 }), into);
    assert.deepEqual(rows(topLeft.data), [...Array<number>(32).fill(255), ...Array<number>(32).fill(0)]);
    const crop = await reader.toInput(frame, inputSpec({ fit: "crop" }), into);
    assert.ok(rows(crop.data).every((value) => value === 255));
    assert.deepEqual([crop.geometry.offsetX, crop.geometry.scaleX, crop.geometry.offsetY], [50, 1.5625, 0]);
    const none = await reader.toInput(frame, inputSpec({ fit: "none" }), new Uint8Array(200 * 100 * 3));
    assert.deepEqual([none.width, none.height, none.geometry.scaleX], [200, 100, 1]);
    await assert.rejects(reader.toInput(frame, inputSpec(), new Uint8Array(10)), /expected room for 12288 bytes/);
  });
});

test("calls may overlap, and the frame may go as soon as they have begun", tools, async () => {
  const path = join(folder, "moving.mp4");
  await ffmpeg(...testPicture({ size: "640x360", seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", path);
  const alone = await firstPixels(path, { width: 320, height: 320 });
  await using reader = createFrameReader();
  let isFirst = true;
  const before = aliveFrames();
  await decodeFile(path, async (frame) => {
    if (!isFirst) {
      return;
    }
    isFirst = false;
    const copies = Array.from({ length: 6 }, () => frame.retain());
    const calls = copies.map((copy) => {
      const call = reader.toInput(copy, inputSpec({ width: 320, height: 320 }), new Uint8Array(320 * 320 * 3));
      copy[Symbol.dispose]();
      return call;
    });
    for (const { data } of await Promise.all(calls)) {
      assert.ok(Buffer.from(alone).equals(data));
    }
  });
  assert.equal(aliveFrames(), before);
});

const hasOpenCv = existsSync("/usr/lib/python3/dist-packages/cv2.cpython-311-x86_64-linux-gnu.so") || existsSync("/usr/lib/python3/dist-packages/cv2");

test("pictures shrink as OpenCV's INTER_LINEAR shrinks them", { skip: tools.skip || (hasOpenCv ? false : "needs python3-opencv (npm test installs it as root on Debian)") }, async () => {
  const path = join(folder, "detail.mp4");
  // Without colour: where chroma lies between luma samples is a matter of its own.
  await ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=5,hue=s=0,noise=c0s=80:c0_seed=1,gblur=1.2", "-frames:v", "1", "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p", path);
  for (const [width, height] of [[416, 234], [640, 360], [300, 300], [1000, 700]] as const) {
    const reference = join(folder, "opencv.bgr");
    await promisify(execFile)("/usr/bin/python3", [
      "-c",
      `import cv2,sys
ok,image=cv2.VideoCapture(sys.argv[1]).read()
cv2.resize(image,(${width},${height}),interpolation=cv2.INTER_LINEAR).tofile(sys.argv[2])`,
      path, reference,
    ]);
    const expected = await readFile(reference);
    const ours = await firstPixels(path, { width, height, color: "BGR" });
    assert.equal(ours.length, expected.length);
    let sum = 0;
    let bias = 0;
    ours.forEach((value, i) => {
      sum += Math.abs(value - (expected[i] ?? 0));
      bias += value - (expected[i] ?? 0);
    });
    // On this picture smoothing over the whole area gives 5.7, the nearest sample 4.6.
    assert.ok(sum / ours.length < 3, `${width}×${height}: mean difference ${sum / ours.length}`);
    assert.ok(Math.abs(bias / ours.length) < 1, `${width}×${height}: bias ${bias / ours.length}`);
  }
});

test("JPEGs have the picture, the size and the quality asked for", tools, async () => {
  await using reader = createFrameReader();
  const path = join(folder, "moving.mp4");
  const jpegs: Record<string, Uint8Array> = {};
  let isFirst = true;
  await decodeFile(path, async (frame) => {
    if (isFirst) {
      isFirst = false;
      jpegs["fine"] = await reader.toJpeg(frame, { quality: 95 });
      jpegs["coarse"] = await reader.toJpeg(frame, { quality: 20 });
      jpegs["small"] = await reader.toJpeg(frame, { quality: 80, maxWidth: 160 });
      jpegs["again"] = await reader.toJpeg(frame, { quality: 95 });
    }
  });
  assert.ok((jpegs["fine"]?.length ?? 0) > 2 * (jpegs["coarse"]?.length ?? Infinity));
  assert.deepEqual(jpegs["again"], jpegs["fine"]);
  for (const [name, size] of [["fine", [640, 360]], ["small", [160, 90]]] as const) {
    const file = join(folder, `${name}.jpg`);
    await writeFile(file, jpegs[name] ?? "");
    const [stream] = await probeStreams(file);
    assert.deepEqual([stream?.width, stream?.height], size);
  }
  const psnr = await ffmpeg("-i", join(folder, "fine.jpg"), "-i", path, "-lavfi", "[0]format=yuv420p[a];[1]trim=end_frame=1,format=yuv420p[b];[a][b]psnr=stats_file=-", "-f", "null", "-");
  assert.ok(Number(/psnr_avg:([\d.]+)/.exec(psnr)?.[1]) > 30, psnr);
});

test("a crop shows its box, in every pixel format, and leads back to source pixels", tools, async () => {
  for (const format of ["yuv420p", "yuv422p", "yuv420p10le"]) {
    const path = join(folder, `crop-${format}.mkv`);
    // White, with a black box at (101, 51)–(151, 91).
    await ffmpeg("-f", "lavfi", "-i", "color=white:s=302x204:d=0.2:r=10,format=yuv444p,scale=301:203,drawbox=x=100:y=50:w=52:h=42:color=black:t=fill", "-c:v", "ffv1", "-pix_fmt", format, path);
    await using reader = createFrameReader();
    await decodeFile(path, async (frame) => {
      const into = new Uint8Array(64 * 64);
      const inside = await reader.toCrop(frame, [102, 52, 150, 90], inputSpec({ color: "GRAY" }), into);
      assert.ok(inside.data.every((value) => value < 8), `${format}: only the box`);
      const { geometry } = inside;
      assert.deepEqual([geometry.sourceWidth, geometry.sourceHeight], [301, 203]);
      assert.ok(Math.abs(geometry.offsetX - 102) < 1e-9 && Math.abs(64 * geometry.scaleX + geometry.offsetX - 150) < 1e-9);
      // Boxes that reach out, or lie outside, stay inside the picture.
      for (const box of [[-50, -50, 400, 300], [290, 190, 500, 500], [1000, 1000, 2000, 2000], [20, 20, 10, 10]] as const) {
        const { data } = await reader.toCrop(frame, box, inputSpec({ color: "GRAY" }), into);
        assert.equal(data.length, 64 * 64);
      }
    });
  }
});

test("a drawable is 8-bit 4:2:0 whatever came, with the source's range, times and its own samples", tools, async () => {
  for (const [format, range] of [["yuv420p", "tv"], ["yuvj420p", "pc"], ["yuv420p10le", "tv"], ["yuv422p", "tv"], ["yuv444p", "tv"]] as const) {
    const path = join(folder, `draw-${format}.mkv`);
    await ffmpeg("-f", "lavfi", "-i", "color=0x808080:s=854x480:d=0.2:r=10", "-vf", `format=yuv444p,scale=853:479:out_range=${range},format=${format}`, "-c:v", format === "yuvj420p" ? "mjpeg" : "ffv1", "-q:v", "1", "-color_range", range, path);
    await using reader = createFrameReader();
    await decodeFile(path, async (frame) => {
      using drawable = await reader.toDrawable(frame);
      using untouched = await reader.toDrawable(frame);
      const { picture } = drawable;
      assert.deepEqual([picture.width, picture.height, picture.fullRange], [853, 479, range === "pc"], format);
      assert.deepEqual([drawable.ptsUs, drawable.durationUs, drawable.capturedAtMs], [frame.ptsUs, frame.durationUs, frame.capturedAtMs]);
      const [y, u] = picture.planes;
      const expected = range === "pc" ? 128 : 126;
      assert.ok(Math.abs((y.data[478 * y.stride + 852] ?? 0) - expected) <= 1, `${format}: ${y.data[478 * y.stride + 852]}`);
      assert.ok(Math.abs((u.data[239 * u.stride + 426] ?? 0) - 128) <= 1);
      y.data.fill(0);
      assert.ok((untouched.picture.planes[0].data[0] ?? 0) > 100);
    });
  }
});

test("a generator's picture becomes a frame, odd sizes and strides included", async () => {
  const plane = (height: number, stride: number, value: number) => ({ data: new Uint8Array(stride * height).fill(value), stride });
  const picture = { format: "yuv420p", width: 53, height: 31, fullRange: false, planes: [plane(31, 60, 235), plane(16, 27, 128), plane(16, 40, 128)] } as const;
  const times = { ptsUs: mediaTimeUs(40_000), durationUs: 40_000, capturedAtMs: wallTimeMs(5) };
  using frame: VideoFrame = frameFromPicture(picture, times);
  await using reader = createFrameReader();
  const { data } = await reader.toInput(frame, inputSpec({ width: 53, height: 31 }), new Uint8Array(53 * 31 * 3));
  assert.ok(data.every((value) => value >= 253));
  let kept: DrawableFrame;
  {
    using drawable = await reader.toDrawable(frame);
    kept = drawable;
    assert.equal(drawable.picture.planes[0].data[30 * drawable.picture.planes[0].stride + 52], 235);
  }
  assert.throws(() => kept.picture, /after it had been disposed/);
});
