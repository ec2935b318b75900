// Writes ONNX models of one or two nodes (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), for tests that need a
// network whose answer is known without running it.

/** Element types by their number in TensorProto.DataType. */
const TYPES = { float32: 1, uint8: 2, int64: 7, float16: 10 } as const;

export interface TinyValue {
  readonly name: string;
  readonly type: keyof typeof TYPES;
  /** Strings are names of dimensions that vary. */
  readonly shape: readonly (number | string)[];
}

export interface TinyNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly ints?: Readonly<Record<string, number>>;
}

export interface TinyModel {
  readonly nodes: readonly TinyNode[];
  readonly inputs: readonly TinyValue[];
  readonly outputs: readonly TinyValue[];
  /** Constants: int64 values, or float32 weights kept in another file. */
  readonly constants?: readonly ({ readonly name: string; readonly int64: readonly number[] } | { readonly name: string; readonly shape: readonly number[]; readonly externalFile: string })[];
}

/** `y = x`: the outputs are the very numbers that the network was given. */
export function identityModel(type: TinyValue["type"], shape: TinyValue["shape"]): Buffer {
  return tinyOnnx({
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", type, shape }],
    outputs: [{ name: "y", type, shape }],
  });
}

/** The bytes of an ONNX file. */
export function tinyOnnx(model: TinyModel): Buffer {
  const graph = Buffer.concat([
    ...model.nodes.map((node) =>
      bytes(1, [
        ...node.inputs.map((name) => text(1, name)),
        ...node.outputs.map((name) => text(2, name)),
        text(4, node.op),
        ...Object.entries(node.ints ?? {}).map(([name, value]) => bytes(5, [text(1, name), number(3, value), number(20, 2)])),
      ]),
    ),
    text(2, "tiny"),
    ...(model.constants ?? []).map((constant) =>
      "int64" in constant
        ? bytes(5, [number(1, constant.int64.length), number(2, TYPES.int64), text(8, constant.name), field(9, Buffer.from(new BigInt64Array(constant.int64.map(BigInt)).buffer))])
        : bytes(5, [
            ...constant.shape.map((dim) => number(1, dim)),
            number(2, TYPES.float32),
            text(8, constant.name),
            bytes(13, [text(1, "location"), text(2, constant.externalFile)]),
            number(14, 1),
          ]),
    ),
    ...model.inputs.map((value) => valueInfo(11, value)),
    ...model.outputs.map((value) => valueInfo(12, value)),
  ]);
  return Buffer.concat([number(1, 8), field(7, graph), bytes(8, [number(2, 17)])]);
}

function valueInfo(tag: number, { name, type, shape }: TinyValue): Buffer {
  const dims = shape.map((dim) => bytes(1, [typeof dim === "number" ? number(1, dim) : text(2, dim)]));
  return bytes(tag, [text(1, name), bytes(2, [bytes(1, [number(1, TYPES[type]), bytes(2, dims)])])]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) {
    out.push((left % 128) | 128);
  }
  return Buffer.from([...out, left]);
}

function number(tag: number, value: number): Buffer {
  return Buffer.concat([varint(tag * 8), varint(value)]);
}

function field(tag: number, content: Buffer): Buffer {
  return Buffer.concat([varint(tag * 8 + 2), varint(content.length), content]);
}

function bytes(tag: number, parts: readonly Buffer[]): Buffer {
  return field(tag, Buffer.concat(parts));
}

function text(tag: number, value: string): Buffer {
  return field(tag, Buffer.from(value));
}
