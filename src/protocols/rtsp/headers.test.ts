import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRtspAddress } from "./address.ts";
import { authorize, challengeLines, isAuthorized, strongestChallenge } from "./authentication.ts";
import { controlUrl, parseRange, parseRtpInfo, parseSession, writeRtpInfo } from "./headers.ts";
import { parseTransports, writeTransport } from "./transport.ts";

// RFC 7616 §3.9.1
const MUFASA = { user: "Mufasa", password: "Circle of Life" };
const VECTOR = { method: "GET", uri: "/dir/index.html", count: 1, cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" };
const OFFER = 'Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

for (const [algorithm, response] of [
  ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
  ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
] as const) {
  test(`Digest ${algorithm}: the example of RFC 7616`, () => {
    const challenge = strongestChallenge([`${OFFER}, algorithm=${algorithm}`]);
    assert.match(authorize(challenge!, MUFASA, VECTOR), new RegExp(`response="${response}"`));
  });
}

test("Basic: the example of RFC 7617", () => {
  const challenge = strongestChallenge(['Basic realm="WallyWorld"']);
  assert.equal(authorize(challenge!, { user: "Aladdin", password: "open sesame" }, VECTOR), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
});

test("the strongest challenge is taken, from one line or several", () => {
  const lines = ['Basic realm="x"', 'Digest realm="x", nonce="n"', 'Digest realm="x", nonce="n", algorithm=SHA-256', 'Digest realm="x", nonce="n", algorithm=NEW'];
  assert.deepEqual(strongestChallenge(lines), { scheme: "digest", realm: "x", nonce: "n", algorithm: "SHA-256", opaque: undefined, qop: false });
  assert.deepEqual(strongestChallenge([lines.join(", ")]), strongestChallenge(lines));
  assert.equal(strongestChallenge(["Bearer x"]), undefined);
});

test("what the client answers, the server accepts; anything else it does not", () => {
  const server = { method: "DESCRIBE", realm: "Vedette", nonce: "abc", users: [{ user: 'a"b', password: "pä\\ss" }] };
  fc.assert(
    fc.property(fc.constantFrom(...challengeLines("Vedette", "abc")), fc.string(), (line, password) => {
      const request = { method: "DESCRIBE", uri: "rtsp://h/x", count: 1, cnonce: "c" };
      const answer = authorize(strongestChallenge([line])!, { user: 'a"b', password }, request);
      assert.equal(isAuthorized(answer, server), password === "pä\\ss");
      const right = authorize(strongestChallenge([line])!, server.users[0]!, request);
      assert.equal(isAuthorized(right, server), true);
      assert.equal(isAuthorized(right, { ...server, nonce: "other" }), false);
      assert.equal(isAuthorized(right, { ...server, method: "PLAY" }), false);
    }),
  );
  fc.assert(fc.property(fc.string(), (line) => !isAuthorized(line, server) && !isAuthorized(`Digest ${line}`, server)));
});

for (const [text, transport] of [
  ["RTP/AVP/TCP;unicast;interleaved=0-1", { lower: "tcp", isMulticast: false, isRecord: false, interleaved: [0, 1] }],
  ["RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001", { lower: "udp", isMulticast: false, isRecord: false, clientPorts: [5000, 5001], serverPorts: [6000, 6001] }],
  ["RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=0000ABCD;mode=record", { lower: "tcp", isMulticast: false, isRecord: true, interleaved: [2, 3], ssrc: 0xabcd }],
] as const) {
  test(`Transport: ${text}`, () => {
    assert.deepEqual(parseTransports(text), [transport]);
    assert.equal(writeTransport(transport), text);
  });
}

test("Transport as cameras write it", () => {
  assert.deepEqual(parseTransports('RTP/AVP/UDP;unicast;client_port=1000;mode="PLAY";ssrc= 1F')[0], { lower: "udp", isMulticast: false, isRecord: false, clientPorts: [1000, 1001], ssrc: 0x1f });
  assert.equal(parseTransports("RAW/RAW/UDP;unicast, RTP/AVP;multicast;port=1-2").length, 1);
  assert.deepEqual(parseTransports("RTP/AVP/TCP;interleaved=0-300;client_port=70000-70001"), [{ lower: "tcp", isMulticast: false, isRecord: false }]);
});

test("Session, RTP-Info and Range", () => {
  assert.deepEqual(parseSession(" 1234 ; timeout = 30"), { id: "1234", timeoutS: 30 });
  assert.deepEqual(parseSession("abc"), { id: "abc", timeoutS: 60 });
  assert.equal(parseSession(""), undefined);
  const info = [{ url: "rtsp://h/a,b/trackID=0", sequence: 1, timestamp: 2 }, { url: "rtsp://h/t1", sequence: 65_535, timestamp: 4_294_967_295 }];
  assert.deepEqual(parseRtpInfo(writeRtpInfo(info)), info);
  assert.deepEqual(parseRtpInfo("url=x; seq=1"), [{ url: "x", sequence: 1, timestamp: undefined }]);
  assert.deepEqual(parseRange("npt=0.000-"), { startS: 0, endS: undefined });
  assert.deepEqual(parseRange("npt=now-"), { startS: "now", endS: undefined });
  assert.deepEqual(parseRange("npt=1:02-1:00:00.5"), { startS: 62, endS: 3600.5 });
  assert.equal(parseRange("clock=19961108T143720Z-"), undefined);
});

for (const [base, control, url] of [
  ["rtsp://h/a/", "trackID=1", "rtsp://h/a/trackID=1"],
  ["rtsp://h/a", "trackID=1", "rtsp://h/a/trackID=1"],
  ["rtsp://h/a?x=1", "trackID=1", "rtsp://h/a?x=1/trackID=1"],
  ["rtsp://h/a", "rtsp://h/b", "rtsp://h/b"],
  ["rtsp://h/a", "*", "rtsp://h/a"],
  ["rtsp://h/a", undefined, "rtsp://h/a"],
] as const) {
  test(`control: ${base} + ${String(control)}`, () => assert.equal(controlUrl(base, control), url));
}

test("addresses, proper and as cameras' manuals write them", () => {
  const parsed = parseRtspAddress("rtsp://admin:p@ss:word@cam:8554/live?ch=1&user=x|y");
  assert.deepEqual([parsed?.host, parsed?.port, parsed?.credentials, parsed?.url], ["cam", 8554, { user: "admin", password: "p@ss:word" }, "rtsp://cam:8554/live?ch=1&user=x|y"]);
  assert.deepEqual(parseRtspAddress("rtsps://[::1]/x")?.port, 322);
  assert.equal(parseRtspAddress("rtsps://[::1]/x")?.host, "::1");
  assert.deepEqual(parseRtspAddress("rtsp://u%40x:100%25%@h/")?.credentials, { user: "u@x", password: "100%%" });
  for (const wrong of ["http://h/", "rtsp://", "rtsp://h:99999/", "rtsp://h /x", "rtsp://a b/"]) {
    assert.equal(parseRtspAddress(wrong), undefined, wrong);
  }
  fc.assert(fc.property(fc.string(), (text) => void parseRtspAddress(`rtsp://${text}`)));
});

test("no header makes a parser throw", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseTransports(text);
      parseSession(text);
      parseRtpInfo(text);
      parseRange(text);
      strongestChallenge([text]);
    }),
  );
});
