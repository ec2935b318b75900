import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { before, test } from "node:test";
import fc from "fast-check";
import { XMLParser } from "fast-xml-parser";
import { encodeVideo } from "../../../test/support/encoded-video.ts";
import type { EncodedVideo } from "../../../test/support/encoded-video.ts";
import { fakeResult } from "../../../test/support/fake-taps.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import type { Track } from "../../domain/packet.ts";
import { H264 } from "../h264/h264.ts";
import { H265 } from "../h265/h265.ts";
import { parseAvcRecord, writeAvcRecord } from "../h264/avc-record.ts";
import { parseH264Sps } from "../h264/sps.ts";
import { parseH265Sps } from "../h265/sps.ts";
import { joinAnnexB, splitAnnexB } from "../nal/annex-b.ts";
import { joinLengthPrefixed, splitLengthPrefixed } from "../nal/length-prefixed.ts";
import { payloadOnvifMetadata, writeOnvifMetadata } from "../onvif-metadata/metadata-stream.ts";
import type { AccessUnit, Depayloader } from "../rtp/depayloader.ts";
import { formatOfEncoding, sendingOf } from "./formats.ts";

const needs = needsPrograms("ffmpeg", "ffprobe");
const videos: Partial<Record<string, EncodedVideo>> = {};

before(() => {
  if (needs.skip === false) {
    videos["h264"] = encodeVideo("h264", "322x182");
    videos["hevc"] = encodeVideo("hevc", "322x182");
  }
});

/** Payloads of one access unit through a depayloader. */
function through(depayloader: Depayloader, payloads: readonly Uint8Array[], timestamp: number, firstLost = 0): readonly AccessUnit[] {
  return payloads.flatMap((payload, index) =>
    depayloader.push({ lost: index === 0 ? firstLost : 0, packet: { payloadType: 96, marker: index === payloads.length - 1, sequence: 0, timestamp, ssrc: 1, payload } }),
  );
}

/** The `fmtp` line as the receiver's parameters. */
const parametersOf = (fmtp = ""): Map<string, string> => new Map(fmtp.split(";").map((part) => [part.slice(0, part.indexOf("=")).trim(), part.slice(part.indexOf("=") + 1)]));

for (const [codec, encoding, nal] of [["h264", "H264", H264], ["hevc", "H265", H265]] as const) {
  test(`${codec}: what is cut is put together again, byte for byte, for any size of packet`, needs, () => {
    const video = videos[codec]!;
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 3000 }), (maxBytes) => {
        const sending = sendingOf(video.track)!;
        const { depayloader } = formatOfEncoding(encoding)!.receive(90_000, 1, parametersOf(sending.fmtp));
        for (let index = 0; index < 4; index++) {
          const packet = video.packet(index);
          const payloads = sending.payload(packet.data, packet.isKeyframe, maxBytes);
          assert.ok(payloads.every((payload) => payload.length <= maxBytes));
          const [unit] = through(depayloader, payloads, index * 3600);
          assert.deepEqual(splitAnnexB(unit!.data), splitAnnexB(packet.data));
          assert.equal(unit!.isKeyframe, packet.isKeyframe);
          assert.equal(unit!.isDamaged, false);
        }
      }),
      { numRuns: 40 },
    );
  });

  test(`${codec}: the size of the parameter set is FFmpeg's, odd cropping included`, needs, () => {
    const video = videos[codec]!;
    const probed = execFileSync("ffprobe", ["-v", "error", "-f", codec, "-show_entries", "stream=width,height", "-of", "csv=p=0", "-"], { input: video.packet(0).data }).toString();
    assert.equal(`${video.track.width},${video.track.height}`, probed.trim().split("\n")[0]);
    assert.equal(`${video.track.width},${video.track.height}`, "322,182");
  });

  test(`${codec}: parameters of the description stand in for missing ones, marker or not`, needs, () => {
    const video = videos[codec]!;
    const sending = sendingOf(video.track)!;
    const { track, depayloader } = formatOfEncoding(encoding)!.receive(90_000, 1, parametersOf(sending.fmtp));
    assert.deepEqual({ ...track, frameRate: 0 }, { ...video.track, frameRate: 0 });
    const slices = splitAnnexB(video.packet(0).data).filter((unit) => nal.parameterSetKey(unit) === undefined);
    const bare = slices.flatMap((unit) => [...sending.payload(joinAnnexB([unit]), false, 1200)]);
    const push = (payload: Uint8Array, timestamp: number) => depayloader.push({ lost: 0, packet: { payloadType: 96, marker: false, sequence: 0, timestamp, ssrc: 1, payload } });
    assert.deepEqual(bare.flatMap((payload) => push(payload, 0)), [], "without a marker it ends with the next timestamp");
    const [unit] = push(bare[0]!, 3600);
    assert.equal(unit?.isKeyframe, true);
    assert.ok(splitAnnexB(unit.data).some((one) => nal.isSps(one)));
  });

  test(`${codec}: a lost fragment marks its picture damaged, and no other`, needs, () => {
    const video = videos[codec]!;
    const { depayloader } = formatOfEncoding(encoding)!.receive(90_000, 1, new Map());
    const sending = sendingOf(video.track)!;
    const payloads = sending.payload(video.packet(0).data, true, 200);
    const [first, , ...rest] = payloads;
    const damaged = [...through(depayloader, [first!], 0), ...through(depayloader, rest, 0, 1)];
    const next = through(depayloader, sending.payload(video.packet(1).data, false, 200), 3600);
    assert.ok(damaged.every(({ isDamaged }) => isDamaged));
    assert.deepEqual(next.map(({ isDamaged, timestamp }) => [isDamaged, timestamp]), [[false, 3600]]);
  });
}

test("cameras' habits: start codes inside a packet, parameter sets under a marker of their own", needs, () => {
  const video = videos["h264"]!;
  const units = splitAnnexB(video.packet(0).data);
  const { depayloader } = formatOfEncoding("H264")!.receive(90_000, 1, new Map());
  const one = through(depayloader, [video.packet(0).data], 0);
  assert.deepEqual(splitAnnexB(one[0]!.data), units);
  const sets = units.filter((unit) => H264.parameterSetKey(unit) !== undefined);
  const separate = [...sets.flatMap((unit) => through(depayloader, [unit], 100)), ...through(depayloader, units.filter((unit) => !sets.includes(unit)), 3600)];
  assert.equal(separate.length, 1);
  assert.equal(separate[0]!.timestamp, 3600);
});

test("avcC and length-prefixed packets are carried like Annex B", needs, () => {
  const video = videos["h264"]!;
  const sets = H264.parameterSets(video.track);
  const record = writeAvcRecord(sets.filter((unit) => H264.isSps(unit)), sets.filter((unit) => !H264.isSps(unit)))!;
  assert.deepEqual([...parseAvcRecord(record)!.sps, ...parseAvcRecord(record)!.pps].map((unit) => Buffer.from(unit)), sets.map((unit) => Buffer.from(unit)));
  const slices = splitAnnexB(video.packet(0).data).filter((unit) => H264.isSlice(unit));
  const sample = joinLengthPrefixed(slices);
  assert.deepEqual(splitLengthPrefixed(sample, 4), slices);
  const { depayloader } = formatOfEncoding("H264")!.receive(90_000, 1, new Map());
  const [unit] = through(depayloader, sendingOf({ ...video.track, codecPrivate: record })!.payload(sample, true, 1200), 0);
  assert.deepEqual(splitAnnexB(unit!.data).map((one) => Buffer.from(one)), [...sets, ...slices].map((one) => Buffer.from(one)), "parameter sets in front");
});

test("MJPEG: what is cut decodes to the same picture", needs, () => {
  const encode = (pixels: string): Buffer =>
    execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240", "-frames:v", "1", "-pix_fmt", pixels, "-c:v", "mjpeg", "-huffman", "default", "-f", "mjpeg", "-"]);
  const jpeg = encode("yuvj420p");
  const track: Track = { kind: "video", codec: "mjpeg", width: 320, height: 240, rotation: 0, frameRate: 0, codecPrivate: undefined };
  const payloads = sendingOf(track)!.payload(jpeg, true, 1300);
  assert.ok(payloads.length > 1);
  const [unit] = through(formatOfEncoding("JPEG")!.receive(90_000, 1, new Map()).depayloader, payloads, 0);
  assert.deepEqual(unit?.newTrack, track);
  const md5 = (input: Uint8Array): string => execFileSync("ffmpeg", ["-v", "error", "-xerror", "-f", "mjpeg", "-i", "-", "-f", "md5", "-"], { input }).toString();
  assert.equal(md5(unit.data), md5(jpeg));
  assert.deepEqual(sendingOf(track)!.payload(encode("yuvj444p"), true, 1300), [], "what RTP cannot carry is left out");
});

for (const track of [
  { kind: "audio", codec: "aac", sampleRateHz: 48_000, channels: 2, codecPrivate: Uint8Array.of(0x11, 0x90) },
  { kind: "audio", codec: "pcm_alaw", sampleRateHz: 8000, channels: 1, codecPrivate: undefined },
  { kind: "audio", codec: "opus", sampleRateHz: 48_000, channels: 2, codecPrivate: undefined },
] as const satisfies readonly Track[]) {
  test(`${track.codec}: frames are carried as they are`, () => {
    const sending = sendingOf(track)!;
    const [encoding = "", rate = "", channels = ""] = sending.rtpmap.split("/");
    const received = formatOfEncoding(encoding.toUpperCase())!.receive(Number(rate), Number(channels), parametersOf(sending.fmtp));
    assert.deepEqual({ ...received.track, codecPrivate: received.track.codecPrivate && Uint8Array.from(received.track.codecPrivate) }, track);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 700 }), (frame) => {
        const units = through(received.depayloader, sending.payload(frame, true, track.codec === "aac" ? 200 : 1300), 0);
        assert.deepEqual(units.map(({ data }) => Uint8Array.from(data)), [frame]);
      }),
    );
  });
}

test("no parameter set makes a parser throw, and no size is beyond reason", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const info of [parseH264Sps(bytes), parseH265Sps(bytes)]) {
        assert.ok(info === undefined || (info.width > 0 && info.width <= 16_384 && info.height > 0 && info.height <= 16_384));
      }
      parseAvcRecord(bytes);
      splitLengthPrefixed(bytes, 4);
      assert.deepEqual(Buffer.concat(splitAnnexB(joinAnnexB(splitAnnexB(bytes)))), Buffer.concat(splitAnnexB(bytes)));
    }),
    { numRuns: 1000 },
  );
});

test("ONVIF metadata: well-formed, objects with their boxes, labels escaped", () => {
  const result = fakeResult(1, { width: 640, height: 360, detections: [{ label: 'a<b>&"', classId: 0, score: 0.5, box: [0, 90, 320, 180], trackId: 12 }] });
  const document = writeOnvifMetadata(result);
  const parsed = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: "", processEntities: true, htmlEntities: true }).parse(document) as Record<string, unknown>;
  const frame = ((parsed["tt:MetadataStream"] as Record<string, Record<string, Record<string, unknown>>>)["tt:VideoAnalytics"])!["tt:Frame"]!;
  const object = frame["tt:Object"] as { ObjectId: string; "tt:Appearance": { "tt:Shape": { "tt:BoundingBox": unknown }; "tt:Class": { "tt:Type": { "#text": string } } } };
  assert.equal(object.ObjectId, "12");
  assert.deepEqual(object["tt:Appearance"]["tt:Shape"]["tt:BoundingBox"], { left: "0", top: "90", right: "320", bottom: "180" });
  assert.equal(object["tt:Appearance"]["tt:Class"]["tt:Type"]["#text"], 'a<b>&"');
  // Translation and scale take pixels to ONVIF's coordinates: the picture's middle to 0, its lower edge to −1.
  const { "tt:Scale": scale, "tt:Translate": move } = frame["tt:Transformation"] as Record<string, { x: string; y: string }>;
  assert.ok(Math.abs(320 * Number(scale!.x) + Number(move!.x)) < 1e-4);
  assert.ok(Math.abs(360 * Number(scale!.y) + Number(move!.y) + 1) < 1e-4);
  assert.equal(Buffer.concat(payloadOnvifMetadata(document, 100)).toString(), document);
});
