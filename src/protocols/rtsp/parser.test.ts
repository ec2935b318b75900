import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { corpus } from "../../../test/support/corpus.ts";
import { writeInterleaved, writeRequest, writeResponse } from "./message.ts";
import type { RtspItem } from "./message.ts";
import { RtspParser, RtspSyntaxError } from "./parser.ts";

const LIMITS = { headerBytes: 2000, bodyBytes: 5000 };

function parse(bytes: Uint8Array, cuts: readonly number[] = []): { items: RtspItem[]; error: RtspSyntaxError | undefined; waiting: number } {
  const parser = new RtspParser(LIMITS);
  const items: RtspItem[] = [];
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  try {
    for (let index = 1; index < edges.length; index++) {
      items.push(...parser.push(bytes.subarray(edges[index - 1], edges[index])));
    }
  } catch (error) {
    assert.ok(error instanceof RtspSyntaxError, String(error));
    return { items, error, waiting: parser.waitingBytes };
  }
  return { items, error: undefined, waiting: parser.waitingBytes };
}

const stream = Buffer.concat([
  writeRequest("DESCRIBE", "rtsp://h/ds", [["CSeq", "1"], ["Accept", "application/sdp"]]),
  writeInterleaved(0, Buffer.from("$RTSP/1.0 200 OK\r\n\r\n")),
  writeResponse(200, [["CSeq", "1"], ["Session", "A;timeout=60"]], Buffer.from("v=0\r\n\r\n$")),
  writeInterleaved(1, new Uint8Array()),
]);

test("messages and data come out the same, wherever the bytes are cut", () => {
  const whole = parse(stream);
  assert.deepEqual(whole.items.map(({ kind }) => kind), ["request", "interleaved", "response", "interleaved"]);
  assert.equal(whole.waiting, 0);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
      assert.deepEqual(parse(stream, cuts), whole);
    }),
  );
  assert.deepEqual(parse(stream, Array.from(stream.keys())), whole);
});

test("what is read: names in any case, repeated and folded fields, bare line feeds, empty lines between", () => {
  const { items } = parse(Buffer.from("\r\n\nrtsp/1.0 401 No\nCSEQ: 2\nWWW-Authenticate: a\nwww-authenticate: b\n  c\n\n"));
  const [item] = items;
  assert.equal(item?.kind, "response");
  assert.equal(item.status, 401);
  assert.deepEqual(item.headers.get("www-authenticate"), ["a", "b c"]);
});

for (const [name, bytes, status] of [
  ["no method", " RTSP/1.0\r\n\r\n", 400],
  ["HTTP", "GET / HTTP/1.1\r\n\r\n", 400],
  ["version 2", "OPTIONS * RTSP/2.0\r\n\r\n", 505],
  ["headers without end", "OPTIONS * RTSP/1.0\r\n" + "A: b\r\n".repeat(1000), 431],
  ["a body too long", "ANNOUNCE * RTSP/1.0\r\nContent-Length: 5001\r\n\r\n", 413],
  ["a length that is no number", "ANNOUNCE * RTSP/1.0\r\nContent-Length: 1e3\r\n\r\n", 400],
  ["binary", "\u0001\u0002", 400],
] as const) {
  test(`refused: ${name}`, () => {
    assert.equal(parse(Buffer.from(bytes)).error?.status, status);
    assert.equal(parse(Buffer.from(bytes), Array.from({ length: bytes.length }, (_, index) => index)).error?.status, status, "also byte by byte");
  });
}

test("values cannot smuggle header fields in", () => {
  const { items } = parse(writeResponse(200, [["X", "a\r\nInjected: b\r\n\r\nRTSP/1.0 200 OK"]]));
  assert.equal(items.length, 1);
});

test("whatever comes: a typed error at most, and no more is kept than one message", () => {
  const pieces = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...corpus(join(import.meta.dirname, "parser.corpus")).map(({ bytes }) => bytes)));
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), fc.array(fc.nat(2000)), (parts, cuts) => {
      const bytes = Buffer.concat(parts);
      const before = Buffer.from(bytes);
      const { waiting } = parse(bytes, cuts.filter((cut) => cut < bytes.length));
      assert.ok(waiting <= 65_540);
      assert.deepEqual(bytes, before, "the input is left as it was");
    }),
  );
});
