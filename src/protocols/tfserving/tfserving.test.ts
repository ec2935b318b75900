import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { Tensor } from "../../domain/model.ts";
import { GetModelMetadataResponse, PredictRequest, PredictResponse, SIGNATURE_DEF_TYPE_URL, TensorProto } from "./messages.ts";
import { decodePredictRequest, encodePredictResponse } from "./rest.ts";
import { signatureFromBytes, signatureToBytes, tensorFromProto, tensorToProto } from "./tensors.ts";

const { vectors } = JSON.parse(readFileSync("test/vectors/protocols.json", "utf8")) as { vectors: { title: string; bytes: string }[] };

function vector(title: string): Buffer {
  return Buffer.from(vectors.find((entry) => entry.title === title)!.bytes, "base64");
}

test("an array input is what the OVMS application sends: DT_FLOAT, NHWC, tensor_content", () => {
  const proto = PredictRequest.decode(vector("predict, array input")).inputs.get("data")!;
  assert.deepEqual(tensorFromProto("data", proto), { name: "data", type: "float32", shape: [1, 1, 2, 3], data: Float32Array.from([0, 1, 2, 253, 254, 255]) });
});

test("a binary input is DT_STRING [1] with one picture", () => {
  const proto = PredictRequest.decode(vector("predict, binary input")).inputs.get("data")!;
  const tensor = tensorFromProto("data", proto);
  assert.deepEqual([tensor.type, tensor.shape, Buffer.from(tensor.data[0] as Uint8Array).toString("hex")], ["string", [1], "ffd8ffe0"]);
  assert.deepEqual(TensorProto.encode(tensorToProto(tensor)), TensorProto.encode(proto));
});

const TYPED: [kind: string, type: string, data: Tensor["data"]][] = [
  ["float", "float32", Float32Array.from([1.5, -2])],
  ["double", "float64", Float64Array.from([0.1, 2])],
  ["int32", "int32", Int32Array.from([-5, 6])],
  ["uint8", "uint8", Uint8Array.from([0, 255])],
  ["int64", "int64", BigInt64Array.from([-(2n ** 63n), 5n])],
  ["bool", "bool", Uint8Array.from([1, 0])],
  ["half", "float16", Uint16Array.from([0x3c00, 0xc000])],
  ["uint32", "uint32", Uint32Array.from([1, 2 ** 32 - 1])],
  ["uint64", "uint64", BigUint64Array.from([1n, 2n ** 64n - 1n])],
];
for (const [kind, type, data] of TYPED) {
  test(`${kind} values come out of their own list`, () => {
    const proto = PredictResponse.decode(vector(`predict answer, ${kind} values`)).outputs.get("y")!;
    assert.deepEqual(tensorFromProto("y", proto), { name: "y", type, shape: [2], data });
    const again = tensorFromProto("y", TensorProto.decode(TensorProto.encode(tensorToProto(tensorFromProto("y", proto)))));
    assert.deepEqual(again.data, data);
  });
}

test("one value stands for all elements, within limits", () => {
  const proto = (size: number) => TensorProto.decode(TensorProto.encode({ dtype: 1, tensorShape: { dim: [{ size }] }, floatVal: [7] }));
  assert.deepEqual(tensorFromProto("x", proto(3)).data, Float32Array.from([7, 7, 7]));
  assert.throws(() => tensorFromProto("x", proto(2 ** 30)), { code: "E_WIRE", message: /expected 1073741824 values, got 1/ });
});

test("contents of the wrong size name both sizes", () => {
  const proto = TensorProto.decode(TensorProto.encode({ dtype: 1, tensorShape: { dim: [{ size: 3 }] }, tensorContent: Buffer.alloc(8) }));
  assert.throws(() => tensorFromProto("x", proto), { message: /tensor "x": expected 12 bytes for float32 \[3\], got 8 bytes/ });
  assert.throws(() => tensorFromProto("x", { ...proto, dtype: 8 }), { message: /expected DT_FLOAT, .*got DataType 8/ });
});

test("the metadata field signature_def is read and written", () => {
  const answer = GetModelMetadataResponse.decode(vector("metadata answer"));
  const field = answer.metadata.get("signature_def")!;
  assert.equal(field.typeUrl, SIGNATURE_DEF_TYPE_URL);
  const specs = {
    inputs: [{ name: "data", type: "float32" as const, shape: [1, -1, 512, 3] }],
    outputs: [{ name: "out", type: "int64" as const, shape: [7] }],
  };
  assert.deepEqual(signatureFromBytes(field.value, "serving_default"), specs);
  assert.equal(signatureToBytes(specs.inputs, specs.outputs).toString("base64"), Buffer.from(field.value).toString("base64"));
  assert.throws(() => signatureFromBytes(field.value, "other"), { message: /expected signature other, got serving_default/ });
});

const SPEC = [{ name: "x", type: "float32" as const, shape: [-1, 2] }];

test("REST rows: the answer has a prediction for each instance", () => {
  const request = decodePredictRequest('{"instances":[[1,2],[3,4]]}', SPEC);
  assert.deepEqual([request.format, request.inputs], ["row", [{ name: "x", type: "float32", shape: [2, 2], data: Float32Array.from([1, 2, 3, 4]) }]]);
  const outputs: Tensor[] = [{ name: "y", type: "float32", shape: [2, 1], data: Float32Array.from([0.5, 1]) }];
  assert.equal(encodePredictResponse("row", outputs), '{"predictions":[[0.5],[1]]}');
  const both = [...outputs, { name: "c", type: "int64" as const, shape: [2], data: BigInt64Array.from([1n, 9007199254740993n]) }];
  assert.equal(encodePredictResponse("row", both), '{"predictions":[{"y":[0.5],"c":1},{"y":[1],"c":9007199254740993}]}');
});

test("REST columns, pictures as b64", () => {
  assert.deepEqual(decodePredictRequest('{"inputs":{"x":[[1,2]]}}', SPEC).inputs[0]?.shape, [1, 2]);
  const picture = decodePredictRequest('{"signature_name":"s","instances":[{"x":{"b64":"/9j/"}}]}', SPEC);
  assert.deepEqual([picture.signatureName, picture.inputs[0]?.type, picture.inputs[0]?.shape, picture.inputs[0]?.data], ["s", "string", [1], [Buffer.from("ffd8ff", "hex")]]);
  const outputs: Tensor[] = [{ name: "y", type: "float32", shape: [1, 1], data: Float32Array.from([2]) }];
  assert.equal(encodePredictResponse("column", outputs), '{"outputs":[[2]]}');
});

const REST_FAULTS: [body: string, message: RegExp][] = [
  ["", /request: expected JSON/],
  ["{}", /expected either instances or inputs, got neither/],
  ['{"instances":[1],"inputs":[1]}', /got both/],
  ['{"instances":[]}', /instances: expected a list of one or more, got an empty list/],
  ['{"instances":[{"z":1}]}', /instances\[0\]: expected x, got z/],
  ['{"instances":[[1,2],[3]]}', /input "x": expected rows of 2, got 1/],
  ['{"instances":[["a","b"]]}', /input "x": expected float32 numbers, got string a/],
];
for (const [body, message] of REST_FAULTS) {
  test(`REST: ${message.source}`, () => {
    assert.throws(() => decodePredictRequest(body, SPEC), { code: "E_WIRE", message });
  });
}
