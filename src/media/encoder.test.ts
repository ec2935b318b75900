import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, frameTimesUs, probeStreams, temporaryFolder, testPicture } from "../../test/support/clips.ts";
import { decodeFile } from "../../test/support/decoding.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import type { Packet } from "../domain/packet.ts";
import { mediaTimeUs, wallTimeMs } from "../domain/time.ts";
import { VedetteError } from "../errors.ts";
import { aliveFrames, createEncoder, createMuxer, frameFromPicture, type Encoder, type EncoderOptions } from "./index.ts";

const tools = needsPrograms("ffmpeg", "ffprobe");
const folder = temporaryFolder();

/** Decodes a file and encodes its frames into another. */
async function transcode(from: string, to: string, over: Partial<EncoderOptions> = {}): Promise<readonly Packet[]> {
  let encoder: Encoder | undefined;
  const packets: Packet[] = [];
  await decodeFile(from, async (frame) => {
    encoder ??= await createEncoder({ codec: "h264", width: frame.width, height: frame.height, frameRate: 25, lowLatency: false, sample: frame, ...over });
    packets.push(...(await encoder.encode(frame)));
  });
  assert.ok(encoder !== undefined);
  packets.push(...(await encoder.flush()));
  await encoder[Symbol.asyncDispose]();
  const muxer = await createMuxer(to, { format: to.endsWith(".mkv") ? "matroska" : "mp4", tracks: [encoder.track] });
  for (const packet of packets) {
    await muxer.write(packet);
  }
  await muxer.close();
  return packets;
}

test("a variable frame rate comes out as it went in, through H.264 and H.265", tools, async () => {
  const source = join(folder, "vfr.mkv");
  await ffmpeg(...testPicture({ seconds: 2 }), "-vf", "setpts='(N*N*0.003+N*0.01)/TB'", "-vsync", "vfr", "-enc_time_base", "1/1000", "-c:v", "libx264", "-pix_fmt", "yuv420p", source);
  const expected = await frameTimesUs(source);
  for (const codec of ["h264", "h265"] as const) {
    for (const lowLatency of [false, true]) {
      const path = join(folder, `vfr-${codec}-${lowLatency}.mp4`);
      await transcode(source, path, { codec, lowLatency });
      assert.deepEqual(await frameTimesUs(path), expected, `${codec}, low latency ${lowLatency}`);
    }
  }
  assert.equal(aliveFrames(), 0);
});

test("broadcast rates keep every tick for minutes", tools, async () => {
  const plane = (size: number) => ({ data: new Uint8Array(size), stride: size });
  const encoder = await createEncoder({ codec: "h264", width: 16, height: 16, frameRate: 30000 / 1001, lowLatency: true });
  let worst = 0;
  for (let i = 0; i < 5000; i += 1) {
    const exact = (i * 1_001_000_000) / 30_000;
    using frame = frameFromPicture(
      { format: "yuv420p", width: 16, height: 16, fullRange: false, planes: [{ data: new Uint8Array(256).fill(i), stride: 16 }, { ...plane(64), stride: 8 }, { ...plane(64), stride: 8 }] },
      { ptsUs: mediaTimeUs(Math.round(exact)), durationUs: 33_367, capturedAtMs: wallTimeMs(i) },
    );
    for (const packet of await encoder.encode(frame)) {
      worst = Math.max(worst, Math.abs(packet.ptsUs - exact));
      assert.equal(packet.capturedAtMs, i);
    }
  }
  await encoder[Symbol.asyncDispose]();
  assert.ok(worst <= 0.5, String(worst));
});

test("low latency gives each packet at once, without B-frames; baseline is baseline", tools, async () => {
  const source = join(folder, "plain.mp4");
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", source);
  const path = join(folder, "low.mp4");
  const packets = await transcode(source, path, { lowLatency: true, profile: "baseline" });
  assert.ok(packets.every(({ ptsUs, dtsUs }) => ptsUs === dtsUs));
  const [stream] = await probeStreams(path);
  assert.equal(stream?.has_b_frames, 0);
  assert.match(stream.profile ?? "", /Baseline/);
});

test("a keyframe comes where it is forced", tools, async () => {
  for (const codec of ["h264", "h265"] as const) {
    let encoder: Encoder | undefined;
    const keys: number[] = [];
    let index = 0;
    await decodeFile(join(folder, "plain.mp4"), async (frame) => {
      encoder ??= await createEncoder({ codec, width: frame.width, height: frame.height, frameRate: 25, lowLatency: true, gopFrames: 1000 });
      const packets = await encoder.encode(frame, { forceKeyframe: index === 13 });
      keys.push(...packets.filter(({ isKeyframe }) => isKeyframe).map(({ ptsUs }) => ptsUs / 40_000));
      index += 1;
    });
    await encoder?.[Symbol.asyncDispose]();
    assert.deepEqual(keys, [0, 13], codec);
  }
});

test("odd sizes grow by a pixel and nothing else moves; colour tags are kept", tools, async () => {
  const source = join(folder, "odd.mkv");
  await ffmpeg(...testPicture({ size: "854x480", seconds: 1 }), "-vf", "format=yuv444p,crop=853:479:0:0:exact=1,scale=out_color_matrix=bt709:out_range=pc,format=yuv420p", "-c:v", "mjpeg", "-q:v", "1", source);
  const path = join(folder, "odd.mp4");
  await transcode(source, path, { quality: 95 });
  const [stream] = await probeStreams(path);
  assert.deepEqual([stream?.width, stream?.height, stream?.color_range, stream?.nb_read_frames], [854, 480, "pc", "25"]);
  const psnr = await ffmpeg("-i", path, "-i", source, "-lavfi", "[0]crop=852:478:0:0,format=yuv420p[a];[1]crop=852:478:0:0,format=yuv420p[b];[a][b]psnr=stats_file=-", "-f", "null", "-");
  const values = [...psnr.matchAll(/psnr_avg:([\d.]+)/g)].map((match) => Number(match[1]));
  assert.ok(values.length === 25 && Math.min(...values) > 30, String(Math.min(...values)));
  const tagged = join(folder, "tagged.mp4");
  await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", tagged);
  await transcode(tagged, join(folder, "tagged-out.mp4"));
  assert.deepEqual((await probeStreams(join(folder, "tagged-out.mp4"))).map(({ color_space, color_range }) => [color_space, color_range]), [["bt709", "tv"]]);
});

test("10-bit and 4:2:2 are encoded, and frames of another size are fitted in", tools, async () => {
  for (const format of ["yuv420p10le", "yuv422p"]) {
    const source = join(folder, `${format}.mkv`);
    await ffmpeg(...testPicture({ seconds: 1 }), "-c:v", "libx264", "-pix_fmt", format, source);
    const path = join(folder, `${format}.mp4`);
    await transcode(source, path, { width: 640, height: 200 });
    const [stream] = await probeStreams(path);
    assert.deepEqual([stream?.width, stream?.height, stream?.pix_fmt, stream?.nb_read_frames], [640, 200, "yuv420p", "25"]);
  }
});

test("bitrate and quality are heeded", tools, async () => {
  const size = (packets: readonly Packet[]): number => packets.reduce((sum, { data }) => sum + data.length, 0);
  const source = join(folder, "rate.mp4");
  await ffmpeg(...testPicture({ size: "640x360", seconds: 4 }), "-c:v", "libx264", "-pix_fmt", "yuv420p", source);
  const path = join(folder, "rated.mp4");
  assert.ok(size(await transcode(source, path, { quality: 90 })) > 2 * size(await transcode(source, path, { quality: 40 })));
  const bits = 8 * size(await transcode(source, path, { bitrateBps: 400_000 }));
  assert.ok(bits > 800_000 && bits < 2_400_000, `${bits} bits in 4 s`);
});

test("times that do not rise, and impossible sizes, are refused", async () => {
  await assert.rejects(createEncoder({ codec: "h264", width: 0, height: 0, lowLatency: true }), (error: unknown) => error instanceof VedetteError && error.code === "E_MEDIA_ENCODE");
  const plane = (stride: number, rows: number) => ({ data: new Uint8Array(stride * rows), stride });
  const picture = { format: "yuv420p", width: 32, height: 32, fullRange: false, planes: [plane(32, 32), plane(16, 16), plane(16, 16)] } as const;
  using frame = frameFromPicture(picture, { ptsUs: mediaTimeUs(5), durationUs: 0, capturedAtMs: wallTimeMs(0) });
  await using encoder = await createEncoder({ codec: "h264", width: 32, height: 32, lowLatency: true });
  await encoder.encode(frame);
  await assert.rejects(encoder.encode(frame), /times must rise/);
});
