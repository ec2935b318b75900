import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { needsPrograms } from "../../../test/support/programs.ts";
import { float16Bits, float16Value } from "./float16.ts";
import { joinStrings, splitStrings, tensorFromBytes } from "./tensor-bytes.ts";

const python = { skip: needsPrograms("python3").skip };

test("half precision agrees with numpy for every bit pattern and for rounding", python, () => {
  const script = `
import sys
try:
    import numpy
except ImportError:
    sys.exit(3)
numpy.seterr(all="ignore")
bits = numpy.arange(65536, dtype=numpy.uint16)
values = bits.view(numpy.float16).astype(numpy.float32)
numbers = numpy.concatenate([numpy.linspace(-70000, 70000, 4001), numpy.logspace(-9, 5, 4001)]).astype(numpy.float32)
sys.stdout.buffer.write(values.tobytes() + numbers.tobytes() + numbers.astype(numpy.float16).view(numpy.uint16).tobytes())`;
  const out = execFileSync("/usr/bin/python3", ["-c", script], { maxBuffer: 1 << 24 });
  const floats = new Float32Array(out.buffer.slice(out.byteOffset, out.byteOffset + (65536 + 8002) * 4));
  const rounded = new Uint16Array(out.buffer.slice(out.byteOffset + floats.byteLength, out.byteOffset + out.byteLength));
  for (let bits = 0; bits < 65536; bits++) {
    assert.equal(float16Value(bits), floats[bits]!, `bits ${bits}`);
  }
  for (let i = 0; i < 8002; i++) {
    assert.equal(float16Bits(floats[65536 + i]!), rounded[i]!, `value ${floats[65536 + i]!}`);
  }
});

test("BYTES elements stand behind their lengths", () => {
  const values = [Buffer.from(""), Buffer.from("abc"), Buffer.from([0xff, 0xd8])];
  const joined = joinStrings(values);
  assert.equal(Buffer.from(joined).toString("hex"), "00000000" + "03000000616263" + "02000000ffd8");
  assert.deepEqual(splitStrings(joined, 3, "x"), values);
  assert.throws(() => splitStrings(joined, 2, "x"), { message: /x: expected 2 elements, got more/ });
  assert.throws(() => splitStrings(joined, 4, "x"), { message: /x: expected 4 elements, got 3/ });
  assert.throws(() => splitStrings(joined.subarray(0, 6), 1, "x"), { code: "E_WIRE" });
  assert.throws(() => splitStrings(Buffer.from("ffffffff00", "hex"), 1, "x"), { message: /expected an element of 4294967295 bytes/ });
});

test("tensors over unaligned bytes are copied, over aligned ones not", () => {
  const memory = Buffer.alloc(16);
  memory.writeFloatLE(1.5, 4);
  memory.writeFloatLE(2.5, 9);
  const aligned = tensorFromBytes("x", "float32", [1], memory.subarray(4, 8), "x");
  const unaligned = tensorFromBytes("x", "float32", [1], memory.subarray(9, 13), "x");
  assert.deepEqual([aligned.data[0], unaligned.data[0]], [1.5, 2.5]);
  memory.fill(0);
  assert.equal(unaligned.data[0], 2.5);
});
