import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSlipstreamEnvironment, slipstreamStartLines } from "./slipstream-environment.ts";

test("defaults are slipstream's; an empty string counts as unset", () => {
  const job = parseSlipstreamEnvironment({ RTSPINPUT: "rtsp://a/1", ARCH: "amd64", CODEC: "", BITRATE: "", OUTPUT_WIDTH: "" });
  assert.deepEqual(job, {
    inputs: ["rtsp://a/1"],
    codec: "H264",
    bitrateBps: 4_000_000,
    port: 8554,
    path: "/ds",
    shownAddress: "<IPADDRESS>",
    showFrames: true,
    width: 1200,
    height: 600,
  });
});

test("several inputs, and every variable", () => {
  const job = parseSlipstreamEnvironment({ RTSPINPUT: "rtsp://a/1,rtsp://u:pw@b/2", CODEC: "H265", BITRATE: "1000000", RTSPOUTPUTPORTNUM: "9554", RTSPOUTPUTPATH: "cam", IPADDR: "10.0.0.2", SHOW_FRAMES: "no", OUTPUT_WIDTH: "640", OUTPUT_HEIGHT: "480" });
  assert.deepEqual(slipstreamStartLines(job), [
    "Using codec: H265, and bitrate: 1000000",
    "RTSP input streams (2):",
    '  0: "rtsp://a/1"',
    '  1: "rtsp://u:***@b/2"',
    'RTSP output stream: "rtsp://10.0.0.2:9554/cam"',
    "",
    "*** Deepstream RTSP pipeline example is starting...",
    "",
  ]);
  assert.deepEqual([job.showFrames, job.width, job.height], [false, 640, 480]);
});

for (const [name, environment, message] of [
  ["no input", {}, /RTSPINPUT/],
  ["an architecture", { RTSPINPUT: "rtsp://a", ARCH: "sparc" }, /Unsupported hardware architecture, "sparc"\./],
  ["a codec", { RTSPINPUT: "rtsp://a", CODEC: "VP8" }, /CODEC: expected H264 or H265, got "VP8"/],
  ["a port", { RTSPINPUT: "rtsp://a", RTSPOUTPUTPORTNUM: "http" }, /RTSPOUTPUTPORTNUM/],
] as const) {
  test(`refused: ${name}`, () => {
    assert.throws(() => parseSlipstreamEnvironment(environment), { code: "E_USAGE", message });
  });
}
