import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canDecode, profileOf, profileOfParameter } from "./h264-profile.ts";
import { narrowOffer } from "./narrow-offer.ts";
import { chooseH264, readVideoOffer } from "./offer.ts";
import type { VideoOffer } from "./offer.ts";

/** As Chromium 156 offers to receive, cut down to what differs. */
const OFFER = [
  "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 108 109 116", "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:9gfg", "a=ice-pwd:xRvl+qTM8DSL1DsIWzEaxqED", "a=fingerprint:sha-256 B6:AE", "a=setup:actpass", "a=mid:0",
  "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  "a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid", "a=recvonly", "a=rtcp-mux",
  "a=candidate:1 1 udp 2113937151 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 52000 typ host",
  "a=candidate:2 1 udp 1677729535 203.0.113.9 52000 typ srflx raddr 0.0.0.0 rport 0",
  "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
  "a=rtpmap:102 H264/90000", "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f", "a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=102",
  "a=rtpmap:104 H264/90000", "a=fmtp:104 packetization-mode=0;profile-level-id=42e01f",
  "a=rtpmap:108 H264/90000", "a=rtcp-fb:108 goog-remb", "a=rtcp-fb:108 transport-cc", "a=rtcp-fb:108 ccm fir", "a=rtcp-fb:108 nack", "a=rtcp-fb:108 nack pli",
  "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "a=rtpmap:109 rtx/90000", "a=fmtp:109 apt=108",
  "a=rtpmap:116 H264/90000", "a=fmtp:116 packetization-mode=1;profile-level-id=4d001f", "",
].join("\r\n");

const read = (text: string): VideoOffer => {
  const offer = readVideoOffer(text);
  assert.ok(!("problem" in offer), JSON.stringify(offer));
  return offer;
};

test("the codec is chosen by what the stream is", () => {
  const { codecs, direction } = read(OFFER);
  assert.equal(direction, "recvonly");
  assert.equal(chooseH264(codecs, "constrained-baseline")?.payloadType, 108);
  assert.equal(chooseH264(codecs, "constrained-baseline")?.rtx, 109);
  assert.equal(chooseH264(codecs, "main")?.payloadType, 116);
  assert.equal(chooseH264(codecs, "high"), undefined, "nobody offered to decode High");
});

// RFC 6184 table 5 and H.264 annex A.
const PROFILES = [
  ["42e01f", "constrained-baseline"], ["42001f", "baseline"], ["4d001f", "main"], ["4d801f", "constrained-baseline"],
  ["64001f", "high"], ["640c1f", "constrained-high"], ["f4001f", "high-4:4:4"], ["58001f", "extended"],
] as const;
for (const [digits, profile] of PROFILES) {
  test(`profile-level-id ${digits} is ${profile}`, () => assert.equal(profileOfParameter(digits), profile));
}

test("decoders take what their profile says, and no more", () => {
  assert.ok(canDecode("high-4:4:4", "high"));
  assert.ok(!canDecode("constrained-baseline", "main"));
  assert.equal(profileOf(99, 0), undefined);
  assert.equal(profileOfParameter("nonsense"), undefined);
});

test("a narrowed offer leaves nothing to choose", () => {
  const { codecs } = read(OFFER);
  const codec = chooseH264(codecs, "constrained-baseline")!;
  const narrowed = narrowOffer(OFFER, codec, "sendonly");
  assert.match(narrowed, /^m=video 9 UDP\/TLS\/RTP\/SAVPF 108 109\r$/m);
  assert.deepEqual([...narrowed.matchAll(/^a=rtcp-fb:(.*)\r$/gm)].map(([, text]) => text), ["108 goog-remb", "108 nack", "108 nack pli"]);
  assert.deepEqual([...narrowed.matchAll(/^a=rtpmap:(\d+)/gm)].map(([, type]) => type), ["108", "109"]);
  assert.match(narrowed, /abs-send-time/);
  assert.doesNotMatch(narrowed, /transport-wide|\.local/);
  assert.match(narrowed, /203\.0\.113\.9/);
  assert.match(narrowOffer(OFFER, codec, "recvonly"), /transport-wide/);
  assert.equal(read(narrowed).codecs.length, 2);
});

test("whatever comes, reading an offer says yes or why not", () => {
  const lines = OFFER.split("\r\n");
  fc.assert(
    fc.property(fc.array(fc.nat(lines.length - 1), { maxLength: 80 }), fc.string(), (picks, junk) => {
      const text = [...picks.map((at) => lines[at]), junk].join("\r\n");
      const offer = readVideoOffer(text);
      if ("problem" in offer) {
        assert.ok(offer.reason.length > 0);
      } else {
        for (const codec of offer.codecs) {
          assert.ok(codec.payloadType >= 0 && codec.payloadType < 128);
          narrowOffer(text, codec, "sendonly");
        }
      }
    }),
  );
});
