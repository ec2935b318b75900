import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInputFlags } from "./input-flags.ts";

test("flags about pictures become the manifest's words", () => {
  assert.deepEqual(parseInputFlags({ inputSize: "640x480", layout: "NCHW", color: "BGR", normalise: "0..1", fit: "crop" }), {
    width: 640, height: 480, layout: "NCHW", color: "BGR", normalise: "0..1", fit: "crop",
  });
  assert.equal(parseInputFlags({ layout: undefined }), undefined);
});

test("a flag with a wrong value is named with what it takes", () => {
  assert.throws(() => parseInputFlags({ inputSize: "640" }), { code: "E_USAGE", message: /--input-size 640: expected WIDTHxHEIGHT/ });
  assert.throws(() => parseInputFlags({ normalise: "0..2" }), { code: "E_USAGE", message: /--normalise:.*0\.\.255/ });
});
