import assert from "node:assert/strict";
import { test } from "node:test";
import { startOnvifDevice } from "../../test/support/onvif-device.ts";
import { encodeVideo } from "../../test/support/encoded-video.ts";
import { startNuuoRecorder } from "../../test/support/nuuo-recorder.ts";
import { needsPrograms } from "../../test/support/programs.ts";
import { vedette } from "../../test/support/vedette.ts";

test("vedette discover lists each channel as a SOURCE, without the password", async (t) => {
  const device = await startOnvifDevice(t, { user: "admin", password: "secret" });
  const probe = ["discover", "--probe", `127.0.0.1:${String(device.discoveryPort)}`, "--timeout", "0.5"];
  const anonymous = await vedette(t, probe);
  assert.match(anonymous.stdout, /Front door, D5[^]*wants a user name and password/);
  const known = await vedette(t, [...probe, "--user", "admin"], { env: { VEDETTE_CAMERA_PASSWORD: "secret" } });
  assert.equal(known.code, 0, known.stderr);
  assert.match(known.stdout, new RegExp(`onvif://admin@127\\.0\\.0\\.1:${String(device.port)}/p1  Main  ch1  hevc  3840x2160`));
  assert.match(known.stdout, /Acme Dome/);
  assert.doesNotMatch(known.stdout + known.stderr, /secret/);
});

test("vedette discover asks a device by its address, and fails when it cannot", async (t) => {
  const device = await startOnvifDevice(t);
  const found = await vedette(t, ["discover", "--json", `onvif://127.0.0.1:${String(device.port)}`]);
  const [{ channels }] = JSON.parse(found.stdout) as [{ channels: { source: string }[] }];
  assert.deepEqual(channels.map(({ source }) => source), ["p1", "p2"].map((token) => `onvif://127.0.0.1:${String(device.port)}/${token}`));
  const none = await vedette(t, ["discover", "onvif://127.0.0.1:1"]);
  assert.equal(none.code, 1);
  assert.match(none.stdout, /connection refused/);
  assert.equal((await vedette(t, ["discover", "http://u:secret@h"])).code, 2);
});

test("vedette discover lists a recorder's areas, and what it prints can be opened", needsPrograms("ffmpeg"), async (t) => {
  const recorder = await startNuuoRecorder({ model: "titan", video: encodeVideo("h264", "320x240") });
  t.after(() => recorder[Symbol.asyncDispose]());
  const { stdout } = await vedette(t, ["discover", "--json", `nuuo://op:pass%20word@127.0.0.1:${String(recorder.port)}`]);
  const [{ channels }] = JSON.parse(stdout) as [{ channels: { source: string; name: string; channel: string }[] }];
  assert.deepEqual(channels.map(({ name, channel }) => `${name} ${channel}`), ["First Floor Entry Original", "First Floor Entry Low", "First Floor Entry (old) Original", "First Floor Entry (old) Low"]);
  assert.doesNotMatch(stdout, /pass/);
  const source = channels[1]!.source.replace("op@", "op:pass%20word@");
  const run = await vedette(t, ["run", source, "--use-case", "motion", "--limit-frames", "5", "-o", "-", "-q"]);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stdout.trim().split("\n").length, 5);
});
