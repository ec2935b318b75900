import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import fc from "fast-check";
import * as oip from "../oip/messages.ts";
import * as tfserving from "../tfserving/messages.ts";
import * as torchserve from "../torchserve/messages.ts";
import { byteStrings, bytes, doubles, floats, int, int64s, ints, map, maybeBool, message, nested, nesteds, string, type Message } from "./message.ts";

interface Vector {
  readonly title: string;
  readonly message: string;
  readonly bytes: string;
  readonly value: unknown;
}

const { vectors, origin } = JSON.parse(readFileSync("test/vectors/protocols.json", "utf8")) as { vectors: Vector[]; origin: string };

const MESSAGES = new Map(
  [oip, tfserving, torchserve]
    .flatMap((module) => Object.values<unknown>(module))
    .filter((value): value is Message<unknown, unknown> => typeof value === "object" && value !== null && "decode" in value)
    .map((type) => [type.name, type]),
);

/** Enum names, which the JSON mapping uses and our tables do not. */
const ENUMS: Record<string, number> = {
  DT_FLOAT: 1, DT_DOUBLE: 2, DT_INT32: 3, DT_UINT8: 4, DT_STRING: 7, DT_INT64: 9, DT_BOOL: 10, DT_HALF: 19, DT_UINT32: 22, DT_UINT64: 23, AVAILABLE: 30,
};

/** Both sides in one form: defaults left out, numbers and booleans as texts, byte strings as base64. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString("base64");
  }
  if (value instanceof Map) {
    return plain(Object.fromEntries(value));
  }
  if (Array.isArray(value)) {
    return value.map((item) => plain(item) ?? "");
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
      .map(([key, item]) => [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), plain(item)] as const)
      .filter(([, item]) => item !== undefined && item !== "" && item !== "0" && item !== "false" && !(Array.isArray(item) && item.length === 0));
    if (entries.length === 1 && entries[0]?.[0] === "value") {
      // Int64Value is a bare number in the JSON mapping.
      return entries[0][1];
    }
    return Object.fromEntries(entries.filter(([, item]) => !(typeof item === "object" && Object.keys(item as object).length === 0)).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  const enumValue = typeof value === "string" ? ENUMS[value] : undefined;
  return value === undefined ? undefined : String(enumValue ?? (value as string | number | bigint | boolean));
}

for (const vector of vectors) {
  test(`${vector.message}: ${vector.title} (${origin.split(",")[0]!})`, () => {
    const type = MESSAGES.get(vector.message);
    assert.ok(type, `no table for ${vector.message}`);
    const encoded = Buffer.from(vector.bytes, "base64");
    const decoded = type.decode(encoded);
    if (vector.value !== null) {
      assert.deepEqual(plain(decoded), plain(vector.value));
    }
    assert.equal(type.encode(decoded).toString("base64"), vector.bytes);
  });
}

const Inner = message("test.Inner", { text: string(1), flag: maybeBool(2) });
const Everything = message("test.Everything", {
  number: int(1),
  text: string(2),
  raw: bytes(3),
  numbers: ints(4),
  longs: int64s(5),
  singles: floats(6),
  twices: doubles(7),
  strings: byteStrings(8),
  inner: nested(9, Inner),
  inners: nesteds(10, Inner),
  byName: map(100_000, nested(2, Inner)),
});

const inner = fc.record({ text: fc.string({ unit: "grapheme" }), flag: fc.option(fc.boolean(), { nil: undefined }) }, { noNullPrototype: true });
const everything = fc.record({
  number: fc.maxSafeInteger(),
  text: fc.string({ unit: "grapheme" }),
  raw: fc.uint8Array({ maxLength: 2000 }),
  numbers: fc.array(fc.maxSafeInteger()),
  longs: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  singles: fc.array(fc.float({ noNaN: true })),
  twices: fc.array(fc.double({ noNaN: true })),
  strings: fc.array(fc.uint8Array({ maxLength: 1000 })),
  inner: fc.option(inner, { nil: undefined }),
  inners: fc.array(inner),
  byName: fc.array(fc.tuple(fc.string(), inner)).map((entries) => new Map(entries)),
}, { noNullPrototype: true });

test("property: what is encoded is decoded again, and the input is not touched", () => {
  fc.assert(
    fc.property(everything, (value) => {
      const before = structuredClone(value);
      const decoded = Everything.decode(Everything.encode(value));
      const asBuffers = (data: Uint8Array): Uint8Array => Uint8Array.from(data);
      assert.deepEqual({ ...decoded, number: decoded.number + 0, raw: asBuffers(decoded.raw), strings: decoded.strings.map(asBuffers) }, { ...value, number: value.number + 0 });
      assert.deepEqual(value, before);
    }),
  );
});

test("property: any bytes either decode or are refused as E_WIRE, in time", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      for (const type of [Everything, oip.ModelInferRequest, tfserving.PredictRequest]) {
        try {
          type.decode(noise);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "E_WIRE");
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test("property: a message cut short anywhere is refused or is a shorter message, never read beyond its end", () => {
  fc.assert(
    fc.property(everything, fc.double({ min: 0, max: 1, noNaN: true }), (value, at) => {
      const encoded = Everything.encode(value);
      const cut = encoded.subarray(0, Math.floor(at * encoded.length));
      try {
        Everything.decode(cut);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "E_WIRE");
      }
    }),
  );
});

test("fields that are not known are passed over; the last of a repeated single field counts", () => {
  const Newer = message("test.Newer", { text: string(1), extra: string(50), more: doubles(51), flag: maybeBool(2) });
  const encoded = Buffer.concat([Newer.encode({ text: "a", extra: "x", more: [1.5], flag: true }), Newer.encode({ text: "b" })]);
  assert.deepEqual(Inner.decode(encoded), { text: "b", flag: true });
});

test("a field of another wire type names the field", () => {
  assert.throws(() => Inner.decode(Buffer.from([0x08, 0x01])), { code: "E_WIRE", message: /test\.Inner at byte 1: expected wire type 2 for field 1, got 0/ });
});

test("a length of 4 GB in five bytes allocates nothing", () => {
  assert.throws(() => Inner.decode(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])), { code: "E_WIRE" });
});
