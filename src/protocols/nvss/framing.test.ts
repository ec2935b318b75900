import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameParser, NvssFramingError, encodeFrame, looksLikeJpeg } from "./framing.ts";

test("a JPEG of 51 234 bytes begins as the documentation shows", () => {
  const jpeg = new Uint8Array(51_234);
  jpeg.set([0xff, 0xd8]);
  assert.equal(Buffer.from(encodeFrame(jpeg).subarray(0, 10)).toString("hex"), "000000000000c822ffd8");
});

test("messages come out whole, however the bytes were cut", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 }), (messages, cuts) => {
      const wire = Buffer.concat(messages.map(encodeFrame));
      const before = Buffer.from(wire);
      const parser = new FrameParser();
      const got: Uint8Array[] = [];
      for (let at = 0, i = 0; at < wire.length; i++) {
        const cut = cuts[i % cuts.length]!;
        got.push(...parser.push(wire.subarray(at, at + cut)));
        at += cut;
      }
      assert.deepEqual(got.map((m) => Buffer.from(m)), messages.map((m) => Buffer.from(m)));
      assert.equal(parser.isInsideMessage, false);
      assert.deepEqual(wire, before, "the input is not touched");
    }),
  );
});

for (const [name, header] of [
  ["2^63", "8000000000000000"],
  ["2^64 - 1", "ffffffffffffffff"],
  ["one byte too many", "0000000004000001"],
] as const) {
  test(`a length of ${name} is refused before anything is reserved`, () => {
    assert.throws(() => new FrameParser().push(Buffer.from(header, "hex")), NvssFramingError);
  });
}

test("a length of 0 is an empty message, which is no JPEG", () => {
  const [message] = new FrameParser().push(Buffer.alloc(8));
  assert.ok(message);
  assert.equal(looksLikeJpeg(message), false);
});

test("an end in the middle of a message shows", () => {
  const parser = new FrameParser();
  parser.push(Buffer.from([0, 0, 0]));
  assert.equal(parser.isInsideMessage, true);
});

test("garbage never holds more than one message and never hangs", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 50 }), (chunks) => {
      const parser = new FrameParser(1000);
      try {
        for (const chunk of chunks) {
          assert.ok(parser.push(chunk).every((message) => message.length <= 1000));
        }
      } catch (error) {
        assert.ok(error instanceof NvssFramingError);
      }
    }),
  );
});
