import assert from "node:assert/strict";
import { test } from "node:test";
import { startOnvifDevice } from "../../test/support/onvif-device.ts";
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
