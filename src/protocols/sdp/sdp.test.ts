import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { corpus } from "../../../test/support/corpus.ts";
import { formatParameters, parseSdp, rtpMaps, sdpAttribute, writeSdp } from "./sdp.ts";

const files = corpus(join(import.meta.dirname, "sdp.corpus"));
const read = (name: string) => parseSdp(files.find((file) => file.name === name)!.bytes.toString());

test("a camera's description", () => {
  const sdp = read("camera-two-streams")!;
  assert.equal(sdp.name, "Session");
  assert.equal(sdpAttribute(sdp, "control"), "*");
  const [video, audio] = sdp.media;
  assert.deepEqual(rtpMaps(video!), [{ payloadType: 96, encoding: "H264", clockRateHz: 90_000, channels: 1 }]);
  assert.equal(formatParameters(video!, 96).get("sprop-parameter-sets"), "Z2QAKKwa0A8ARPy4CIgAAAMACAAAAwGUeKEV,aO48sA==");
  assert.deepEqual(rtpMaps(audio!), [{ payloadType: 0, encoding: "PCMU", clockRateHz: 8000, channels: 1 }]);
});

test("odd descriptions", () => {
  assert.deepEqual(rtpMaps(read("spaces-in-rtpmap")!.media[0]!), [{ payloadType: 98, encoding: "H265", clockRateHz: 90_000, channels: 1 }]);
  assert.deepEqual(rtpMaps(read("no-version")!.media[0]!)[0]?.encoding, "JPEG");
  assert.deepEqual(rtpMaps(read("fmtp-without-value")!.media[0]!), []);
  assert.equal(read("empty"), undefined);
  assert.equal(read("html"), undefined);
});

test("what is written is read again", () => {
  const word = fc.stringMatching(/^[\w./-]{1,12}$/);
  const attribute = fc.record({ name: word, value: fc.stringMatching(/^(?:[!-~](?:[ -~]{0,20}[!-~])?)?$/) }, { noNullPrototype: true });
  const media = fc.record({ type: word, port: fc.nat(65_535), protocol: word, formats: fc.array(word, { maxLength: 3 }), attributes: fc.array(attribute, { maxLength: 5 }) }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.record({ name: fc.stringMatching(/^\w{1,9}$/), attributes: fc.array(attribute, { maxLength: 4 }), media: fc.array(media, { maxLength: 4 }) }, { noNullPrototype: true }), (sdp) => {
      assert.deepEqual(parseSdp(writeSdp(sdp, { sessionId: 1, version: 1 })), sdp);
    }),
  );
});

test("no text makes it throw, nor grow", () => {
  const line = fc.tuple(fc.constantFrom("v", "o", "s", "m", "a", "c", "b"), fc.string()).map(([key, value]) => `${key}=${value}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string(), fc.constantFrom(...files.map(({ bytes }) => bytes.toString())))), (lines) => {
      for (const media of parseSdp(lines.join("\r\n"))?.media ?? []) {
        rtpMaps(media);
        formatParameters(media, 96);
      }
    }),
  );
  assert.ok((parseSdp("m=video 0 RTP/AVP 96\n".repeat(100_000))?.media.length ?? 0) <= 64);
  assert.ok((parseSdp(`v=0\n${"a=x\n".repeat(100_000)}`)?.attributes.length ?? 0) <= 2000);
});
