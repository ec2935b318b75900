import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { needsPrograms } from "../../../test/support/programs.ts";
import { mediaTimeUs, wallTimeMs } from "../../domain/time.ts";
import type { Packet, VideoTrack } from "../../domain/packet.ts";
import { H264, h264UnitType } from "../h264/h264.ts";
import { joinAnnexB, splitAnnexB } from "../nal/annex-b.ts";
import { AvcSegmenter } from "./avc-segmenter.ts";

/** x264's pictures, one packet each, 40 ms apart from a start that is not zero. */
function encoded(size: string, bFrames: number): { track: VideoTrack; packets: Packet[] } {
  const bytes = execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", `testsrc=s=${size}:r=25`, "-frames:v", "20", "-c:v", "libx264", "-bf", String(bFrames), "-g", "10", "-pix_fmt", "yuv420p", "-x264-params", "slices=1:aud=1", "-f", "h264", "-"]);
  const units = splitAnnexB(bytes);
  const pictures: Uint8Array[][] = [];
  for (const unit of units) {
    if (h264UnitType(unit) === 9) {
      pictures.push([]);
    }
    pictures.at(-1)?.push(unit);
  }
  const packets = pictures.map((picture, at): Packet => ({
    track: 0, data: joinAnnexB(picture), ptsUs: mediaTimeUs(7_000_000 + at * 40_000), dtsUs: mediaTimeUs(7_000_000 + at * 40_000), durationUs: 0,
    isKeyframe: picture.some((unit) => H264.isRandomAccess(unit)), capturedAtMs: wallTimeMs(0),
  }));
  const track: VideoTrack = { kind: "video", codec: "h264", width: 0, height: 0, rotation: 0, frameRate: 25, codecPrivate: undefined };
  return { track, packets };
}

test("ffprobe and ffmpeg read what is written, with exact times", needsPrograms("ffmpeg", "ffprobe"), () => {
  const { track, packets } = encoded("320x180", 0);
  const segmenter = new AvcSegmenter(track);
  const before = packets.map(({ data }) => Buffer.from(data));
  const segments = packets.flatMap((packet) => segmenter.push(packet));
  assert.deepEqual(packets.map(({ data }) => Buffer.from(data)), before, "the packets were changed");
  const [init] = segments;
  assert.ok(init?.kind === "init");
  assert.match(init.codec, /^avc1\.[0-9a-f]{6}$/);
  assert.deepEqual([init.width, init.height, init.offsetUs], [320, 180, -7_000_000]);
  assert.equal(segments.length, 21, "one header, and one fragment for each picture");
  const file = Buffer.concat(segments.map(({ data }) => data));
  const probed = execFileSync("ffprobe", ["-v", "error", "-show_entries", "packet=pts_time,flags:stream=codec_name,width,height", "-of", "csv=p=0", "-"], { input: file }).toString();
  const lines = probed.trim().split("\n");
  assert.match(lines[3] ?? "", /^0\.120000,/);
  assert.equal(lines.filter((line) => /,K/.test(line)).length, packets.filter(({ isKeyframe }) => isKeyframe).length);
  assert.match(probed, /h264,320,180/);
  const frames = execFileSync("ffmpeg", ["-v", "error", "-i", "-", "-f", "framemd5", "-"], { input: file }).toString().match(/^0,/gm);
  assert.equal(frames?.length, 20);
});

test("nothing comes before a keyframe, and a new size brings a new header", needsPrograms("ffmpeg"), () => {
  const small = encoded("320x180", 0);
  const large = encoded("640x360", 0);
  const segmenter = new AvcSegmenter(small.track);
  const middle = small.packets.findIndex(({ isKeyframe }, at) => at > 0 && !isKeyframe);
  assert.deepEqual(segmenter.push(small.packets[middle]!), []);
  assert.deepEqual(segmenter.push(small.packets[0]!).map(({ kind }) => kind), ["init", "media"]);
  const [init] = segmenter.push({ ...large.packets[0]!, newTrack: { ...large.track, width: 640, height: 360 } });
  assert.ok(init?.kind === "init");
  assert.deepEqual([init.width, init.height], [640, 360]);
});
