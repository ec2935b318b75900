// WHEP at the level of HTTP, as RFC 9725 and draft-ietf-wish-whep have it; pictures are looked at in live.test.ts.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { RTCPeerConnection, RTCRtpCodecParameters } from "werift";
import type { VideoTrack } from "../../../domain/packet.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { silentLogger } from "../../../runtime/log.ts";
import { FakeTaps } from "../../../../test/support/fake-taps.ts";
import { HttpOutput } from "../http-output.ts";
import type { HttpOutputOptions } from "../http-output.ts";

const never = new AbortController().signal;

/** Parameter sets that x264 writes at 320×180: Constrained Baseline, High without B-frames and with two. */
const BASELINE = "000000016742c00cd901419f9f011000000300100000030320f142a4800000000168cb83cb20";
const HIGH = "000000016764000cacb202833f3e0220000003002000000641e285490000000168ebc3cb22c0";
const HIGH_WITH_B = "000000016764000cacd941419f9f011000000300100000030320f14299600000000168ebe3cb22c0";
const track = (codecPrivate: string, codec = "h264"): VideoTrack => ({
  kind: "video", codec, width: 320, height: 180, rotation: 0, frameRate: 25, codecPrivate: Buffer.from(codecPrivate, "hex"),
});

async function serve(t: TestContext, over: Partial<HttpOutputOptions> = {}, tracks = [track(BASELINE)]) {
  const output = new HttpOutput({
    stream: "gate", host: "127.0.0.1", port: 0, view: "annotated", quality: 80, credentials: undefined, allowAnonymous: false, maxConnections: 64,
    origins: [], maxSessions: 2, ice: { stun: [], turn: [], announce: [] }, clock: systemClock, log: silentLogger, ...over,
  });
  const taps = new FakeTaps({ tracks });
  await output.open(never);
  const running = output.run(taps, never);
  t.after(async () => {
    await output[Symbol.asyncDispose]();
    await running;
  });
  return { output, taps, url: output.name };
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

async function ask(method: string, url: string, headers: OutgoingHttpHeaders = {}, body = ""): Promise<Answered> {
  const sent = httpRequest(url, { method, agent: false, headers });
  sent.on("error", () => undefined);
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat((await response.toArray()) as Buffer[]).toString() };
}

/** What a viewer with these codecs offers. */
async function offerOf(t: TestContext, codecs = [h264("42e01f")], direction: "recvonly" | "sendonly" = "recvonly"): Promise<{ viewer: RTCPeerConnection; sdp: string }> {
  const viewer = new RTCPeerConnection({ codecs: { video: codecs, audio: [] }, iceServers: [], iceAdditionalHostAddresses: ["127.0.0.1"] });
  t.after(() => viewer.close());
  viewer.addTransceiver("video", { direction });
  await viewer.setLocalDescription(await viewer.createOffer());
  return { viewer, sdp: viewer.localDescription?.sdp ?? "" };
}

function h264(profileLevelId: string, mode = 1): RTCRtpCodecParameters {
  return new RTCRtpCodecParameters({ mimeType: "video/H264", clockRate: 90_000, parameters: `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profileLevelId}` });
}

const OFFER = { "Content-Type": "application/sdp" };
const FRAGMENT = "application/trickle-ice-sdpfrag";

test("an offer is answered with a session of its own, which takes candidates and leave", { timeout: 20_000 }, async (t) => {
  const { url, taps } = await serve(t);
  const { viewer, sdp } = await offerOf(t);
  const made = await ask("POST", `${url}/whep?view=original`, OFFER, sdp);
  assert.equal(made.status, 201, made.body);
  assert.equal(made.headers["content-type"], "application/sdp");
  assert.equal(made.headers["accept-patch"], FRAGMENT);
  assert.match(made.headers.location ?? "", /^\/whep\/[\w-]{36}$/);
  assert.match(made.headers.etag ?? "", /^"[\w-]+"$/);
  assert.match(made.body, /^a=sendonly\r?$/m);
  assert.match(made.body, /^a=candidate:.* 127\.0\.0\.1 /m, "a viewer on this machine may come over loopback");
  assert.doesNotMatch(made.body, /VP8|transport-wide/);
  await viewer.setRemoteDescription({ type: "answer", sdp: made.body });
  await viewer.connectionStateChange.watch((state) => state === "connected");
  while (taps.readers.packets === 0) {
    await new Promise(setImmediate);
  }
  const session = `${url}${made.headers.location ?? ""}`;
  const etag = made.headers.etag ?? "";
  const candidate = "a=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host\r\n";
  assert.equal((await ask("PATCH", session, { "Content-Type": FRAGMENT, "If-Match": etag }, candidate)).status, 204);
  assert.equal((await ask("PATCH", session, { "Content-Type": FRAGMENT }, candidate)).status, 428);
  assert.equal((await ask("PATCH", session, { "Content-Type": FRAGMENT, "If-Match": '"other"' }, candidate)).status, 412);
  assert.equal((await ask("PATCH", session, { "Content-Type": FRAGMENT, "If-Match": "*" }, "a=ice-ufrag:abcd\r\n")).status, 422);
  assert.equal((await ask("PATCH", session, { "Content-Type": "text/plain", "If-Match": etag }, candidate)).status, 415);
  assert.equal((await ask("PATCH", session, { "Content-Type": FRAGMENT, "If-Match": etag }, "nonsense")).status, 400);
  assert.equal((await ask("OPTIONS", session)).headers["accept-patch"], FRAGMENT);
  assert.equal((await ask("GET", session)).headers.allow, "OPTIONS, PATCH, DELETE");
  assert.equal((await ask("DELETE", session)).status, 200);
  assert.equal((await ask("DELETE", session)).status, 404);
  assert.equal(taps.readers.packets, 0, "nothing is read for a viewer that has left");
});

test("what can be done is told, and nothing else", async (t) => {
  const { url } = await serve(t, { ice: { stun: ["stun:stun.example:3478"], turn: [{ url: "turn:turn.example", username: "u", credential: "secret" }], announce: [] } });
  const options = await ask("OPTIONS", `${url}/whep`);
  assert.equal(options.status, 204);
  assert.equal(options.headers["accept-post"], "application/sdp");
  assert.equal(options.headers.allow, "OPTIONS, POST");
  assert.equal(options.headers["access-control-allow-origin"], undefined);
  assert.equal(options.headers["link"], '<stun:stun.example:3478>; rel="ice-server"', "no credentials for strangers");
  for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
    assert.equal((await ask(method, `${url}/whep`)).status, 405, method);
  }
  assert.equal((await ask("DELETE", `${url}/whep/none`)).status, 404);
  assert.equal((await ask("POST", `${url}/whep`, { "Content-Type": "application/json" }, "{}")).status, 415);
});

test("offers that cannot be served are refused with the reason", { timeout: 20_000 }, async (t) => {
  const { url } = await serve(t);
  const post = async (body: string, path = "/whep?view=original"): Promise<Answered> => ask("POST", `${url}${path}`, OFFER, body);
  const vp8 = new RTCRtpCodecParameters({ mimeType: "video/VP8", clockRate: 90_000 });
  const noH264 = await post((await offerOf(t, [vp8])).sdp);
  assert.equal(noH264.status, 406);
  assert.equal(noH264.body, "H.264 is sent, and the offer has VP8\n");
  const { sdp } = await offerOf(t);
  assert.equal((await post(sdp.replace(/^a=recvonly/m, "a=sendonly"))).status, 406);
  assert.equal((await post(sdp, "/whep?view=both")).status, 400);
  assert.equal((await post("")).status, 400);
  assert.equal((await post("GET / HTTP/1.1")).status, 400);
  assert.equal((await post(sdp.replace(/^m=video/m, "m=audio"))).status, 406);
  assert.equal((await post(sdp.replace(/^a=ice-pwd.*\r\n/m, ""))).status, 400);
  assert.equal((await post(`${sdp}${"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(20)}`)).status, 400);
  assert.equal((await post("x".repeat(10 << 20))).status, 413);
});

test("a stream that WebRTC cannot carry is refused with what would do", { timeout: 20_000 }, async (t) => {
  const high = await serve(t, {}, [track(HIGH)]);
  const { sdp } = await offerOf(t);
  const answer = await ask("POST", `${high.url}/whep?view=original`, OFFER, sdp);
  assert.equal(answer.status, 406);
  assert.match(answer.body, /H\.264 high.*constrained-baseline; \?view=annotated/);
  const both = await offerOf(t, [h264("42e01f"), h264("64001f")]);
  assert.equal((await ask("POST", `${high.url}/whep?view=original`, OFFER, both.sdp)).status, 201, "a browser that offers High gets High");
  const reordered = await serve(t, {}, [track(HIGH_WITH_B)]);
  assert.match((await ask("POST", `${reordered.url}/whep?view=original`, OFFER, both.sdp)).body, /B-frames.*view=annotated/);
  const hevc = await serve(t, {}, [track("", "hevc")]);
  const refused = await ask("POST", `${hevc.url}/whep?view=original`, OFFER, sdp);
  assert.equal(refused.status, 406);
  assert.match(refused.body, /hevc.*view=annotated/);
});

test("sessions have a limit, and end with the stream", { timeout: 20_000 }, async (t) => {
  const { url, taps } = await serve(t);
  const { sdp } = await offerOf(t);
  const [first] = await Promise.all([ask("POST", `${url}/whep`, OFFER, sdp), ask("POST", `${url}/whep`, OFFER, sdp)]);
  const third = await ask("POST", `${url}/whep`, OFFER, sdp);
  assert.equal(third.status, 503);
  assert.equal(third.headers["retry-after"], "5");
  await ask("DELETE", `${url}${first.headers.location ?? ""}`);
  assert.equal((await ask("POST", `${url}/whep`, OFFER, sdp)).status, 201);
  taps.end();
});

test("pages of other origins get in only by name", async (t) => {
  const { url } = await serve(t, { origins: ["https://wall.example"], credentials: { username: "anna", password: "secret" } });
  const preflight = { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type" };
  const allowed = await ask("OPTIONS", `${url}/whep`, { Origin: "https://wall.example", ...preflight });
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers["access-control-allow-origin"], "https://wall.example");
  assert.equal((await ask("OPTIONS", `${url}/whep`, { Origin: "https://evil.example", ...preflight })).status, 403);
  assert.equal((await ask("POST", `${url}/whep`, { Origin: "https://wall.example", ...OFFER }, "x")).status, 401, "by name, but not without the password");
});
