import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { codecName, query } from "./channels.ts";
import type { NuuoChannel } from "./channels.ts";
import { fileTimeToMs, LiveStreamError, LiveStreamParser } from "./live.ts";
import { crystalLive } from "./requests.ts";

const channel = (area: string, ...profiles: [string, string[]][]): NuuoChannel => ({ area, serverId: "", cameraId: area, profiles: profiles.map(([name, codecs]) => ({ name, codecs, frameRate: 0 })) });
const CHANNELS = [channel("Gate", ["Original", ["h264"]], ["Low", ["mjpeg", "h264"]]), channel("Back gate", ["Low", []]), channel("Yard", ["Low", ["mjpeg"]])];

for (const [asked, expected] of [
  [{ area: "gate", profile: "low", exact: false }, ["Gate mjpeg", "Back gate h264"]],
  [{ area: "GATE", profile: "Low", exact: true }, ["Gate mjpeg"]],
  [{ area: ".*", profile: "Low", codec: "H.264", exact: false }, ["Gate h264", "Back gate h264"]],
  [{ area: ".*", profile: "Original", exact: false }, ["Gate h264"]],
  [{ area: "roof", profile: "Low", exact: false }, []],
] as const) {
  test(`query ${JSON.stringify(asked)}`, () => {
    assert.deepEqual(query(CHANNELS, asked).map(({ channel: { area }, codec }) => `${area} ${codec}`), expected);
  });
}

test("the profile Minimum is asked for as 2, not 2.0", () => {
  assert.match(crystalLive("1", { serverId: "2", cameraId: "3" }, 2).body, /<profile>2<\/profile>/);
});

test("Windows times are read", () => {
  // 2009-02-13T23:31:30Z is 1234567890 s after 1970, and by Microsoft's definition 11644473600 s more after 1601.
  assert.equal(fileTimeToMs("128790414900000000"), 1_234_567_890_000);
  for (const bad of [undefined, "", "0", "12879041490000000x", "-128790414900000000", "00000000000000000"]) {
    assert.equal(fileTimeToMs(bad), undefined);
  }
});

const PARTS = Buffer.concat([
  Buffer.from("--b\r\nContent-Type: video/H.264\r\nisKeyFrame: TRUE\r\ncontent-length: 5\r\n\r\n"), Buffer.of(1, 2, 13, 10, 0), Buffer.from("\r\n"),
  Buffer.from("POST /x HTTP/1.1\r\nContent-Type: audio/g711; rate=8000\r\ntime: 128790414900000000\r\nContent-Length: 0\r\n\r\n"),
  Buffer.from("POST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\n"), Buffer.of(7),
]);

test("parts come out whole, however the network cuts them, and the input is left as it was", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(PARTS.length), { maxLength: 20 }), (cuts) => {
      const before = Buffer.from(PARTS);
      const points = [0, ...cuts.sort((a, b) => a - b), PARTS.length];
      const parser = new LiveStreamParser();
      const parts = points.slice(1).flatMap((end, index) => parser.push(PARTS.subarray(points[index], end)));
      assert.deepEqual(parts.map(({ media, codec, isKeyframe, timeMs, data }) => [media, codec, isKeyframe, timeMs, [...data]]), [
        ["video", "h264", true, undefined, [1, 2, 13, 10, 0]],
        ["audio", "g711", false, 1_234_567_890_000, []],
        ["", "", false, undefined, [7]],
      ]);
      assert.deepEqual(PARTS, before);
    }),
  );
});

for (const [what, bytes] of [
  ["a web page", "<html>\r\n\r\n"],
  ["a length that is none", "--b\r\nContent-Length: -1\r\n\r\n"],
  ["a length beyond reason", "--b\r\nContent-Length: 999999999\r\n\r\n"],
  ["no length", "--b\r\n\r\n"],
  ["a head without end", `--b\r\n${"x".repeat(20_000)}`],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => new LiveStreamParser().push(Buffer.from(bytes)), LiveStreamError);
  });
}

test("any bytes give parts or a LiveStreamError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        new LiveStreamParser().push(bytes);
      } catch (error) {
        assert.ok(error instanceof LiveStreamError);
      }
    }),
  );
});

test("codecs are named one way", () => {
  assert.deepEqual(["H.264", "h264", "MJPG", "H.265", "x-odd"].map(codecName), ["h264", "h264", "mjpeg", "hevc", "xodd"]);
});
