import assert from "node:assert/strict";
import { before, test } from "node:test";
import { encodeVideo, playInto } from "../../../test/support/encoded-video.ts";
import type { EncodedVideo } from "../../../test/support/encoded-video.ts";
import { FakeTaps } from "../../../test/support/fake-taps.ts";
import { needsPrograms } from "../../../test/support/programs.ts";
import { needsRtspServer, startRtspServer } from "../../../test/support/rtsp-server.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { testOutput } from "../output.contract.ts";
import { rtspPushOutput } from "./index.ts";
import type { Output } from "../../contracts/output.ts";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { execFileSync } from "node:child_process";

const needs = { skip: needsRtspServer.skip || needsPrograms("ffmpeg", "ffprobe").skip };
let video: EncodedVideo;

before(() => {
  if (needs.skip === false) {
    video = encodeVideo("h264");
  }
});

function create(address: string): Output {
  const config = rtspPushOutput.schema.parse(rtspPushOutput.fromAddress(address));
  return rtspPushOutput.create(config, { clock: systemClock, log: silentLogger, stream: "gate", baseDir: "/", dataDir: "/", allowAnonymous: false });
}

testOutput({ kind: "rtsp-push", create: () => Promise.resolve(create("rtsp+push://127.0.0.1:9/x")) });

/** A server that records what it is sent. */
const recorder = (file: string): string => `/in=( rtph264depay name=depay0 ! h264parse ! video/x-h264,stream-format=byte-stream ! filesink location=${file} sync=false )`;

test("GStreamer records what is pushed, also when it comes up only later", needs, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "push-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "out.h264");
  const reserved = await startRtspServer(["--record", recorder(file)]);
  const { port } = reserved;
  await reserved[Symbol.asyncDispose]();
  const output = create(`rtsp+push://127.0.0.1:${String(port)}/in`);
  const taps = new FakeTaps({ tracks: [video.track] });
  await output.open(new AbortController().signal);
  const stop = new AbortController();
  const running = output.run(taps, stop.signal);
  const playing = playInto(taps, video);
  await systemClock.sleep(300);
  await using _server = await startRtspServer(["--record", recorder(file)], port);
  await systemClock.sleep(4000);
  await playing.stop();
  stop.abort();
  await running;
  await output[Symbol.asyncDispose]();
  assert.ok(readFileSync(file).length > 10_000);
  const probed = execFileSync("ffprobe", ["-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,nb_read_frames", "-of", "csv=p=0", file]).toString();
  const [codec, width, frames] = probed.trim().split(",");
  assert.deepEqual([codec, width], ["h264", "640"]);
  assert.ok(Number(frames) >= 20, `${String(frames)} frames`);
});

test("a server that takes no streams is told as an error", needs, async () => {
  await using server = await startRtspServer(["/cam=( videotestsrc ! x264enc ! rtph264pay name=pay0 )"]);
  const output = create(`rtsp+push://127.0.0.1:${String(server.port)}/cam`);
  const taps = new FakeTaps({ tracks: [video.track] });
  await assert.rejects(output.run(taps, new AbortController().signal), { code: "E_OUTPUT_BROKEN" });
  await output[Symbol.asyncDispose]();
});

test("credentials are used", needs, async () => {
  await using server = await startRtspServer(["--record", "--user", "u", "--password", "p", recorder("/dev/null")]);
  const wrong = create(`rtsp+push://u:wrong@127.0.0.1:${String(server.port)}/in`);
  const taps = new FakeTaps({ tracks: [video.track] });
  await assert.rejects(wrong.run(taps, new AbortController().signal), { code: "E_OUTPUT_BROKEN", message: /password/ });
  assert.doesNotMatch(wrong.name, /wrong/);
});
