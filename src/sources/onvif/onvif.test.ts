import assert from "node:assert/strict";
import { test } from "node:test";
import { startOnvifDevice } from "../../../test/support/onvif-device.ts";
import type { KindContext } from "../../contracts/kinds.ts";
import type { Source } from "../../contracts/source.ts";
import { VedetteError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLogger } from "../../runtime/log.ts";
import { cameraSource } from "../camera/index.ts";
import { onvifSourceSchema, parseOnvifAddress } from "./config.ts";
import { discoverOnvif } from "./discover.ts";
import { onvifSource } from "./index.ts";
import { clientOf } from "./onvif-source.ts";

const never = new AbortController().signal;

/** Opens an address; gives the RTSP address that would be opened. */
async function resolve(address: string): Promise<string> {
  let found = "";
  const sourceAt = (url: string): Source => ({ name: url, open: () => Promise.reject(new Error((found = url))) });
  const context: KindContext = { stream: "s", clock: systemClock, log: silentLogger, baseDir: "/", dataDir: "/", allowAnonymous: false, sourceAt };
  const source = await onvifSource.create(onvifSourceSchema.parse(parseOnvifAddress(address)), context);
  assert.doesNotMatch(source.name, /secret/);
  await source.open(never).catch((error: unknown) => {
    if (found === "") {
      throw error;
    }
  });
  return found;
}

const code = (expected: string) => (error: unknown) => error instanceof VedetteError && error.code === expected && !error.message.includes("secret");

test("discovery finds the device that answers its own probe, and survives rubbish", async (t) => {
  const device = await startOnvifDevice(t);
  const { devices, rubbish } = await discoverOnvif({ clock: systemClock, timeoutMs: 300, target: { address: "127.0.0.1", port: device.discoveryPort } }, never);
  assert.deepEqual(devices, [
    { endpoint: "urn:uuid:device-1", addresses: [`http://127.0.0.1:${String(device.port)}/onvif/device_service`], name: "Front door", hardware: "D5", location: "%E0%A4%A" },
  ]);
  assert.equal(rubbish, 2);
});

test("discovery stops when told to", async () => {
  const stop = AbortSignal.abort(new Error("stopped"));
  await assert.rejects(discoverOnvif({ clock: systemClock, timeoutMs: 60_000, target: { address: "127.0.0.1", port: 9 } }, stop), /stopped/);
});

test("a profile is opened at the address the device gives, with the user's credentials and options", async (t) => {
  const device = await startOnvifDevice(t, { user: "ad min", password: "s@cret:$&", clockOffsetMs: -86_400_000 });
  const address = (profile: string) => `onvif://ad%20min:${encodeURIComponent("s@cret:$&")}@127.0.0.1:${String(device.port)}/${profile}#transport=udp`;
  const expected = (token: string) => `rtsp://ad%20min:s%40cret%3A%24%26@127.0.0.1:8554/${token}?a=1&b=2#transport=udp`;
  for (const [profile, token] of [["", "p1"], ["p2", "p2"], ["SUB", "p2"], ["2", "p2"]] as const) {
    assert.equal(await resolve(address(profile)), expected(token));
  }
});

test("devices with the first media service only, and before GetServices, answer too", async (t) => {
  const first = await startOnvifDevice(t, { media: [1] });
  assert.equal(await resolve(`onvif://127.0.0.1:${String(first.port)}`), "rtsp://127.0.0.1:8554/main_1?a=1&b=2");
  const old = await startOnvifDevice(t, { isOld: true });
  assert.match(await resolve(`onvif://127.0.0.1:${String(old.port)}/Main`), /^rtsp:/);
  assert.ok(old.asked.includes("GetCapabilities"));
});

test("a device behind address translation is reached where the user said", async (t) => {
  const device = await startOnvifDevice(t, { ownHost: "192.168.7.7:80" });
  assert.equal(await resolve(`onvif://127.0.0.1:${String(device.port)}/p2`), "rtsp://127.0.0.1:8554/p2?a=1&b=2");
});

test("a device that asks for HTTP Digest gets it", async (t) => {
  const device = await startOnvifDevice(t, { user: "u", password: "secret", http: "digest" });
  assert.match(await resolve(`onvif://u:secret@127.0.0.1:${String(device.port)}/p1`), /\/p1/);
  const client = clientOf(onvifSourceSchema.parse(parseOnvifAddress(`onvif://u:secret@127.0.0.1:${String(device.port)}`)), Date.now);
  assert.equal((await client.snapshot("p1", never)).length, 4);
  assert.equal(await client.describe(never), "Acme Dome  5 1.2");
});

test("what goes wrong is said plainly", async (t) => {
  const guarded = await startOnvifDevice(t, { user: "u", password: "secret" });
  await assert.rejects(resolve(`onvif://u:wrong@127.0.0.1:${String(guarded.port)}`), code("E_SOURCE_CREDENTIALS"));
  await assert.rejects(resolve(`onvif://127.0.0.1:${String(guarded.port)}`), code("E_SOURCE_CREDENTIALS"));
  await assert.rejects(resolve(`onvif://u:secret@127.0.0.1:${String(guarded.port)}/none`), (error: unknown) => code("E_SOURCE_NO_STREAM")(error) && /it has p1 \(Main\), p2 \(Sub\)/.test(String(error)));
  for (const [rubbish, expected] of [
    [{ status: 200, body: "<html><p>It works" }, /expected/],
    [{ status: 404, body: "not here" }, /status 404/],
    [{ status: 200, body: `<!DOCTYPE x [<!ENTITY a "b">]><x/>` }, /document type/],
    [{ status: 200, body: "x".repeat(5_000_000) }, /more than/],
  ] as const) {
    const device = await startOnvifDevice(t, { rubbish });
    await assert.rejects(resolve(`onvif://127.0.0.1:${String(device.port)}`), (error: unknown) => error instanceof VedetteError && expected.test(error.message));
  }
  const liar = await startOnvifDevice(t, { streamUri: "file:///etc/passwd" });
  await assert.rejects(resolve(`onvif://127.0.0.1:${String(liar.port)}`), /expected an rtsp:\/\/ address/);
  await assert.rejects(resolve("onvif://127.0.0.1:1"), code("E_SOURCE_UNREACHABLE"));
});

test("makers' templates give the addresses of their manuals", async () => {
  const cases = [
    ["dahua?host=10.0.0.7&channel=2&subtype=1", "rtsp://10.0.0.7:554/cam/realmonitor?channel=2&subtype=1"],
    ["wisenet?host=h&user=a&password=p%40", "rtsp://a:p%40@h:554/LiveChannel/0/media.smp"],
    ["wyze?host=h&port=8554&transport=udp", "rtsp://h:8554/live#transport=udp"],
    ["hikvision?host=h&channel=12&subtype=1", "rtsp://h:554/Streaming/Channels/1202"],
    ["axis?host=h", "rtsp://h:554/axis-media/media.amp?camera=1"],
    ["reolink?host=fd00::1&subtype=1", "rtsp://[fd00::1]:554/h264Preview_01_sub"],
    ["nuuo?host=h&area=gate.*&subtype=1&user=a&password=b", "nuuo://a:b@h:5250/gate.*?profile=Low"],
  ] as const;
  for (const [query, expected] of cases) {
    const address = `camera:${query}`;
    let found = "";
    const context: KindContext = {
      stream: "s", clock: systemClock, log: silentLogger, baseDir: "/", dataDir: "/", allowAnonymous: false,
      sourceAt: (url) => ({ name: (found = url), open: () => Promise.reject(new Error()) }),
    };
    await cameraSource.create(cameraSource.schema.parse(cameraSource.fromAddress(address)), context);
    assert.equal(found, expected);
  }
  for (const bad of ["camera:acme?host=h", "camera:dahua", "camera:wyze?host=h&subtype=1", "camera:dahua?host=h&chanel=1", "camera:dahua?host=h&port=x"]) {
    assert.equal(cameraSource.schema.safeParse(cameraSource.fromAddress(bad)).success, false, bad);
  }
});
