import protobuf from "protobufjs/minimal.js";
import type { Reader } from "protobufjs/minimal.js";
import type { TensorSpec, TensorType } from "../domain/model.ts";

/** What a network's graph says about itself. */
export interface OnnxGraph {
  readonly producer: string;
  readonly opset: number;
  /** Real inputs: weights that old exporters list as inputs too are left out. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Names of the dimensions that may vary, per input: `["N", "", "", ""]`. */
  readonly inputDims: readonly (readonly string[])[];
  /** The operator that computes each output, looked up behind reshapes and casts. */
  readonly producers: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Files that weights lie in, as written in the model. */
  readonly externalData: readonly string[];
}

/** TensorProto.DataType of onnx.proto3; what is missing here no network of pictures takes or gives. */
const TYPES: Readonly<Record<number, TensorType>> = {
  1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool", 10: "float16",
  11: "float64", 12: "uint32", 13: "uint64",
};

/** Operators that move or re-type numbers: whoever fed them made the output. */
const PASSES_THROUGH = new Set([
  "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast", "QuantizeLinear", "DequantizeLinear", "Clip", "Dropout",
]);

/** Deepest nesting of graphs inside attributes: real models use two or three. */
const DEEPEST = 16;

interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

interface Value {
  readonly spec: TensorSpec;
  readonly dims: readonly string[];
}

interface Gathered {
  readonly nodes: Node[];
  readonly inputs: Value[];
  readonly outputs: Value[];
  readonly initializers: Set<string>;
}

/**
 * Reads a serialised `ModelProto` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3). Weights are skipped over.
 * Throws a RangeError or Error for bytes that are not one; lengths inside the file are never trusted.
 */
export function readGraph(bytes: Uint8Array): OnnxGraph {
  const external = new Set<string>();
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>; // Keys come from the file.
  const main: Gathered = { nodes: [], inputs: [], outputs: [], initializers: new Set() };
  let producer = "";
  let opset = 0;
  eachField(bytes, {
    2: (reader) => (producer = reader.string()),
    7: (reader) => gather(reader.bytes(), main, external, 0),
    8: (reader) => {
      const [domain, version] = readOpset(reader.bytes());
      opset = domain === "" || domain === "ai.onnx" ? version : opset;
    },
    14: (reader) => {
      const [key, value] = readEntry(reader.bytes());
      metadata[key] = value;
    },
    // Functions: nodes in field 7, and tensors inside those.
    25: (reader) => eachField(reader.bytes(), { 7: (inner) => readNode(inner.bytes(), external, 1) }),
  });
  const inputs = main.inputs.filter(({ spec }) => !main.initializers.has(spec.name));
  return {
    producer,
    opset,
    inputs: inputs.map(({ spec }) => spec),
    inputDims: inputs.map(({ dims }) => dims),
    outputs: main.outputs.map(({ spec }) => spec),
    producers: main.outputs.map(({ spec }) => producerOf(spec.name, main.nodes)),
    metadata: { ...metadata },
    externalData: [...external],
  };
}

/** Calls `on[field]` at every length-delimited or varint field it names, and skips the others. */
function eachField(bytes: Uint8Array, on: Readonly<Record<number, (reader: Reader) => unknown>>): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const handle = on[tag >>> 3];
    const before = reader.pos;
    if (handle === undefined) {
      reader.skipType(tag & 7);
    } else {
      handle(reader);
    }
    if (reader.pos <= before && (tag & 7) !== 2) {
      throw new RangeError("a field has no content");
    }
  }
}

function gather(bytes: Uint8Array, into: Gathered, external: Set<string>, depth: number): void {
  if (depth > DEEPEST) {
    throw new RangeError(`graphs nested deeper than ${DEEPEST}`);
  }
  eachField(bytes, {
    1: (reader) => into.nodes.push(readNode(reader.bytes(), external, depth)),
    5: (reader) => into.initializers.add(readTensorName(reader.bytes(), external)),
    11: (reader) => into.inputs.push(readValue(reader.bytes())),
    12: (reader) => into.outputs.push(readValue(reader.bytes())),
    15: (reader) => eachField(reader.bytes(), {
      1: (inner) => into.initializers.add(readTensorName(inner.bytes(), external)),
      2: (inner) => readTensorName(inner.bytes(), external),
    }),
  });
}

function readNode(bytes: Uint8Array, external: Set<string>, depth: number): Node {
  const inputs: string[] = [];
  const outputs: string[] = [];
  let operator = "";
  eachField(bytes, {
    1: (reader) => inputs.push(reader.string()),
    2: (reader) => outputs.push(reader.string()),
    4: (reader) => (operator = reader.string()),
    5: (reader) => readAttribute(reader.bytes(), external, depth),
  });
  return { operator, inputs, outputs };
}

/** Attributes matter only for the tensors and graphs inside them, which may name external data too. */
function readAttribute(bytes: Uint8Array, external: Set<string>, depth: number): void {
  const tensor = (reader: Reader): unknown => readTensorName(reader.bytes(), external);
  const graph = (reader: Reader): void => {
    gather(reader.bytes(), { nodes: [], inputs: [], outputs: [], initializers: new Set() }, external, depth + 1);
  };
  const sparse = (reader: Reader): void => eachField(reader.bytes(), { 1: tensor, 2: tensor });
  eachField(bytes, { 5: tensor, 6: graph, 10: tensor, 11: graph, 22: sparse, 23: sparse });
}

function readTensorName(bytes: Uint8Array, external: Set<string>): string {
  let name = "";
  eachField(bytes, {
    8: (reader) => (name = reader.string()),
    13: (reader) => {
      const [key, value] = readEntry(reader.bytes());
      if (key === "location") {
        external.add(value);
      }
    },
  });
  return name;
}

function readValue(bytes: Uint8Array): Value {
  let name = "";
  let type: TensorType = "float32";
  const shape: number[] = [];
  const dims: string[] = [];
  const dimension = (reader: Reader): void => {
    let size = -1;
    let symbol = "";
    eachField(reader.bytes(), { 1: (inner) => (size = Number(inner.int64())), 2: (inner) => (symbol = inner.string()) });
    shape.push(size > 0 ? size : -1);
    dims.push(symbol);
  };
  eachField(bytes, {
    1: (reader) => (name = reader.string()),
    2: (reader) => eachField(reader.bytes(), {
      1: (tensor) => eachField(tensor.bytes(), {
        1: (inner) => (type = typeOf(inner.int32())),
        2: (inner) => eachField(inner.bytes(), { 1: dimension }),
      }),
    }),
  });
  return { spec: { name, type, shape }, dims };
}

function typeOf(code: number): TensorType {
  const type = TYPES[code];
  if (type === undefined) {
    throw new RangeError(`tensors of type ${code} are not supported`);
  }
  return type;
}

function readOpset(bytes: Uint8Array): [domain: string, version: number] {
  let domain = "";
  let version = 0;
  eachField(bytes, { 1: (reader) => (domain = reader.string()), 2: (reader) => (version = Number(reader.int64())) });
  return [domain, version];
}

function readEntry(bytes: Uint8Array): [key: string, value: string] {
  let key = "";
  let value = "";
  eachField(bytes, { 1: (reader) => (key = reader.string()), 2: (reader) => (value = reader.string()) });
  return [key, value];
}

function producerOf(output: string, nodes: readonly Node[]): string {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const seen = new Set<string>();
  let name = output;
  while (!seen.has(name)) {
    seen.add(name);
    const node = makers.get(name);
    if (node === undefined) {
      return "";
    }
    const [first] = node.inputs;
    if (!PASSES_THROUGH.has(node.operator) || first === undefined) {
      return node.operator;
    }
    name = first;
  }
  return "";
}
