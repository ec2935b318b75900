import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Tensor, TensorData, TensorType } from "../../domain/model.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, HEADER_LENGTH, headerLengthOf } from "./http.ts";
import { requestFromMessage, requestMessage, responseFromMessage, responseMessage } from "./grpc.ts";
import { ModelInferRequest, ModelInferResponse } from "./messages.ts";

const f32 = (value: number): number => Math.fround(value);
const integers = (min: number, max: number) => fc.integer({ min, max });

/** Arrays of every type. Floats are finite: JSON has no others. */
const ARRAYS: Record<TensorType, (length: number) => fc.Arbitrary<TensorData>> = {
  float32: (n) => fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }).map(f32), sized(n)).map((values) => Float32Array.from(values)),
  float64: (n) => fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), sized(n)).map((values) => Float64Array.from(values)),
  float16: (n) => fc.array(integers(0, 0x7bff), sized(n)).map((values) => Uint16Array.from(values)),
  uint8: (n) => fc.array(integers(0, 255), sized(n)).map((values) => Uint8Array.from(values)),
  int8: (n) => fc.array(integers(-128, 127), sized(n)).map((values) => Int8Array.from(values)),
  uint16: (n) => fc.array(integers(0, 65535), sized(n)).map((values) => Uint16Array.from(values)),
  int16: (n) => fc.array(integers(-32768, 32767), sized(n)).map((values) => Int16Array.from(values)),
  int32: (n) => fc.array(integers(-(2 ** 31), 2 ** 31 - 1), sized(n)).map((values) => Int32Array.from(values)),
  uint32: (n) => fc.array(integers(0, 2 ** 32 - 1), sized(n)).map((values) => Uint32Array.from(values)),
  int64: (n) => fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), sized(n)).map((values) => BigInt64Array.from(values)),
  uint64: (n) => fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), sized(n)).map((values) => BigUint64Array.from(values)),
  bool: (n) => fc.array(integers(0, 1), sized(n)).map((values) => Uint8Array.from(values)),
  string: (n) => fc.array(fc.string({ unit: "grapheme" }).map((value) => Uint8Array.from(Buffer.from(value))), sized(n)),
};

function sized(length: number): { minLength: number; maxLength: number } {
  return { minLength: length, maxLength: length };
}

const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.string({ minLength: 1 }), fc.constantFrom(...(Object.keys(ARRAYS) as TensorType[])), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([name, type, shape]) => ARRAYS[type](shape.reduce((product, size) => product * size, 1)).map((data) => ({ name, type, shape, data })));

const tensors = fc.array(tensor, { maxLength: 4 });

/** Buffers and views as plain arrays of their kind; -0 as JSON has it. */
function plain(list: readonly Tensor[]): unknown {
  return list.map((item) => ({ ...item, data: Array.from(item.data as ArrayLike<unknown>, (value) => (value instanceof Uint8Array ? Buffer.from(value).toString() : value === 0 ? 0 : value)) }));
}

test("property: binary requests and answers over HTTP are read again as they were, byte for byte", () => {
  fc.assert(
    fc.property(tensors, fc.string(), (inputs, id) => {
      const { parts, headerLength } = encodeRequest({ inputs, id, isBinaryByDefault: true }, true);
      const body = Buffer.concat(parts);
      assert.equal(headerLength, inputs.length === 0 ? undefined : parts[0]!.byteLength);
      const request = decodeRequest(body, headerLength);
      assert.deepEqual([request.id, request.isBinaryByDefault, plain(request.inputs)], [id, true, plain(inputs)]);
      const answer = encodeResponse({ modelName: "m", modelVersion: "1", id, parameters: {}, outputs: inputs }, () => true);
      assert.deepEqual(plain(decodeResponse(Buffer.concat(answer.parts), answer.headerLength).outputs), plain(inputs));
    }),
  );
});

test("property: JSON carries every datatype exactly, 64-bit integers included, and mixes with binary outputs", () => {
  fc.assert(
    fc.property(tensors, (list) => {
      const outputs = list.map((item, i) => ({ ...item, name: `t${i}` }));
      const { parts, headerLength } = encodeResponse({ modelName: "m", modelVersion: "", id: "", parameters: {}, outputs }, (name) => name === "t1");
      assert.equal(headerLength === undefined, outputs.length < 2);
      assert.deepEqual(plain(decodeResponse(Buffer.concat(parts), headerLength).outputs), plain(outputs));
    }),
  );
});

test("property: gRPC carries every datatype raw", () => {
  fc.assert(
    fc.property(tensors, (inputs) => {
      const request = requestFromMessage(ModelInferRequest.decode(ModelInferRequest.encode(requestMessage({ name: "m", version: "1" }, { inputs, parameters: { a: 1, b: true, c: "x", d: 0.5 } }))));
      assert.deepEqual([plain(request.inputs), request.parameters], [plain(inputs), { a: 1, b: true, c: "x", d: 0.5 }]);
      const answer = { modelName: "m", modelVersion: "2", id: "i", parameters: {}, outputs: inputs };
      assert.deepEqual(plain(responseFromMessage(ModelInferResponse.decode(ModelInferResponse.encode(responseMessage(answer)))).outputs), plain(inputs));
    }),
  );
});

test("property: a binary body cut short or grown anywhere is refused, whatever it says about its lengths", () => {
  fc.assert(
    fc.property(fc.array(tensor, { minLength: 1, maxLength: 3 }), fc.nat(), fc.boolean(), (inputs, at, isCut) => {
      const { parts, headerLength } = encodeRequest({ inputs }, true);
      const body = Buffer.concat(parts);
      const other = isCut ? body.subarray(0, at % body.length) : Buffer.concat([body, Buffer.from([0])]);
      assert.throws(() => decodeRequest(other, headerLength), { code: "E_WIRE" });
    }),
  );
});

test("property: noise is refused as E_WIRE", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.option(fc.nat(300), { nil: undefined }), (noise, headerLength) => {
      assert.throws(() => decodeRequest(noise, headerLength), { code: "E_WIRE" });
    }),
  );
});

test("the published example of the binary extension", () => {
  // "Binary Tensor Request" of the protocol's extension_binary_data.md: JSON, then 16 bytes of input0 and 3 of input1.
  const json = Buffer.from(
    JSON.stringify({
      inputs: [
        { name: "input0", shape: [2, 2], datatype: "UINT32", parameters: { binary_data_size: 16 } },
        { name: "input1", shape: [3], datatype: "BOOL", parameters: { binary_data_size: 3 } },
      ],
      outputs: [{ name: "output0", parameters: { binary_data: true } }, { name: "output1" }],
    }),
  );
  const raw = Buffer.from("010000000200000003000000040000000100 01".replace(" ", ""), "hex");
  const request = decodeRequest(Buffer.concat([json, raw]), json.byteLength);
  assert.deepEqual(plain(request.inputs), [
    { name: "input0", type: "uint32", shape: [2, 2], data: [1, 2, 3, 4] },
    { name: "input1", type: "bool", shape: [3], data: [1, 0, 1].map((value) => (value === 0 ? 0 : value)) },
  ]);
  assert.deepEqual(request.outputs.map(({ name, isBinary }) => [name, isBinary]), [["output0", true], ["output1", false]]);
});

const JSON_FAULTS: [body: unknown, message: RegExp][] = [
  [[], /request: expected a JSON object, got an array/],
  [{}, /inputs: expected a list, got nothing/],
  [{ inputs: [{ name: "x", datatype: "FP33", shape: [1], data: [1] }] }, /input "x" datatype: expected BOOL, .*BYTES, got FP33/],
  [{ inputs: [{ name: "x", datatype: "FP32", shape: [-1], data: [1] }] }, /input "x" shape: expected dimensions of 0 and more, got \[-1\]/],
  [{ inputs: [{ name: "x", datatype: "FP32", shape: "2", data: [1] }] }, /shape: expected a list of dimensions/],
  [{ inputs: [{ name: "x", datatype: "FP32", shape: [2, 2], data: [1, 2, 3] }] }, /input "x": expected 4 values for \[2, 2\], got 3/],
  [{ inputs: [{ name: "x", datatype: "FP32", shape: [2, 2], data: [[1, 2], [3]] }] }, /input "x" data: expected rows of 2, got 1/],
  [{ inputs: [{ name: "x", datatype: "UINT8", shape: [1], data: [256] }] }, /input "x": expected uint8 numbers, got number 256/],
  [{ inputs: [{ name: "x", datatype: "INT32", shape: [1], data: ["1"] }] }, /expected int32 numbers, got string 1/],
  [{ inputs: [{ name: "x", datatype: "FP32", shape: [1] }] }, /expected 1 values for \[1\], got no data/],
  [{ inputs: [{ name: "x", datatype: "FP32", shape: [1], parameters: { binary_data_size: 4 } }] }, /as many bytes behind the JSON as binary_data_size says, got binary_data_size 4, 0 bytes left/],
  [{ inputs: [{ name: "x", datatype: "FP32", shape: [1e9, 1e9, 1e9], data: [] }] }, /at most 2\^53 elements/],
];

for (const [body, message] of JSON_FAULTS) {
  test(`says what was expected: ${message.source}`, () => {
    assert.throws(() => decodeRequest(Buffer.from(JSON.stringify(body)), undefined), { code: "E_WIRE", message });
  });
}

test("nested JSON data are taken as flat ones are", () => {
  const body = Buffer.from('{"inputs":[{"name":"x","datatype":"INT64","shape":[2,2],"data":[[1,2],[3,9007199254740993]]}]}');
  assert.deepEqual(decodeRequest(body, undefined).inputs[0]?.data, BigInt64Array.from([1n, 2n, 3n, 9007199254740993n]));
});

test("NaN and infinity cannot travel as JSON, and do travel as bytes", () => {
  const outputs: Tensor[] = [{ name: "y", type: "float32", shape: [2], data: Float32Array.from([NaN, Infinity]) }];
  const answer = { modelName: "m", modelVersion: "1", id: "", parameters: {}, outputs };
  assert.throws(() => encodeResponse(answer, () => false), { code: "E_WIRE", message: /tensor "y": expected finite numbers/ });
  const { parts, headerLength } = encodeResponse(answer, () => true);
  assert.deepEqual(decodeResponse(Buffer.concat(parts), headerLength).outputs[0]?.data, Float32Array.from([NaN, Infinity]));
});

test("the header length must be a number of bytes within the body", () => {
  assert.equal(headerLengthOf(undefined), undefined);
  assert.equal(headerLengthOf("12"), 12);
  for (const wrong of ["-1", "1.5", "x", "", "99999999999999999"]) {
    assert.throws(() => headerLengthOf(wrong), { code: "E_WIRE" });
  }
  assert.throws(() => decodeRequest(Buffer.from("{}"), 3), { message: new RegExp(`expected 3 bytes of JSON \\(${HEADER_LENGTH}\\), got a body of 2`) });
});

test("raw contents must be there for all inputs or none, and exclude typed contents", () => {
  const input = { name: "x", datatype: "FP32", shape: [1] };
  const decode = (request: Parameters<typeof ModelInferRequest.encode>[0]) => requestFromMessage(ModelInferRequest.decode(ModelInferRequest.encode(request)));
  assert.throws(() => decode({ inputs: [input, input], rawInputContents: [Buffer.alloc(4)] }), { message: /raw_input_contents: expected 2 entries, one for each input, got 1/ });
  assert.throws(() => decode({ inputs: [{ ...input, contents: { fp32Contents: [1] } }], rawInputContents: [Buffer.alloc(4)] }), { message: /expected contents or raw contents, got both/ });
  assert.throws(() => decode({ inputs: [input], rawInputContents: [Buffer.alloc(5)] }), { message: /input "x": expected 4 bytes for float32 \[1\], got 5 bytes/ });
  assert.throws(() => decode({ inputs: [{ ...input, datatype: "FP16", contents: {} }] }), { message: /raw contents for FP16/ });
});
