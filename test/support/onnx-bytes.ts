// Writes small ONNX files field by field (onnx.proto3), broken ones too.
import protobuf from "protobufjs/minimal.js";
import type { Writer } from "protobufjs/minimal.js";

/** A tensor as declared: a number, or the name of a dimension that varies. `type` is TensorProto.DataType. */
export interface Declared {
  readonly name: string;
  readonly type?: number;
  readonly shape: readonly (number | string)[];
}

/** What goes into the file. */
export interface OnnxParts {
  readonly inputs: readonly Declared[];
  readonly outputs: readonly Declared[];
  readonly nodes?: readonly { readonly operator: string; readonly inputs: readonly string[]; readonly outputs: readonly string[]; readonly attributes?: readonly Uint8Array[] }[];
  readonly initializers?: readonly { readonly name: string; readonly location?: string }[];
  readonly metadata?: Readonly<Record<string, string>>;
}

const message = (write: (writer: Writer) => void): Uint8Array => {
  const writer = protobuf.Writer.create();
  write(writer);
  return writer.finish();
};
const bytes = (writer: Writer, field: number, value: Uint8Array): Writer => writer.uint32((field << 3) | 2).bytes(value);
const text = (writer: Writer, field: number, value: string): Writer => writer.uint32((field << 3) | 2).string(value);
const entry = (key: string, value: string): Uint8Array => message((w) => text(text(w, 1, key), 2, value));

const declared = ({ name, type = 1, shape }: Declared): Uint8Array => message((value) => {
  const dims = message((w) => shape.forEach((size) => bytes(w, 1, message((d) => (typeof size === "number" ? d.uint32(8).int64(size) : text(d, 2, size))))));
  const tensor = message((w) => bytes(w.uint32(8).int32(type), 2, dims));
  bytes(text(value, 1, name), 2, message((w) => bytes(w, 1, tensor)));
});

/** A TensorProto, with its data elsewhere when `location` is given. */
export const tensorBytes = (name: string, location?: string): Uint8Array => message((w) => {
  text(w.uint32(16).int32(1), 8, name);
  if (location !== undefined) {
    bytes(w, 13, entry("location", location)).uint32(14 << 3).int32(1);
  }
});

/** A GraphProto. */
export const graphBytes = (parts: OnnxParts): Uint8Array => message((graph) => {
  parts.nodes?.forEach(({ operator, inputs, outputs, attributes }) => bytes(graph, 1, message((w) => {
    inputs.forEach((name) => text(w, 1, name));
    outputs.forEach((name) => text(w, 2, name));
    text(w, 4, operator);
    attributes?.forEach((attribute) => bytes(w, 5, attribute));
  })));
  parts.initializers?.forEach(({ name, location }) => bytes(graph, 5, tensorBytes(name, location)));
  parts.inputs.forEach((input) => bytes(graph, 11, declared(input)));
  parts.outputs.forEach((output) => bytes(graph, 12, declared(output)));
});

/** An AttributeProto holding a graph, as If and Loop have. */
export const graphAttribute = (graph: Uint8Array): Uint8Array => message((w) => bytes(w, 6, graph));

/** An AttributeProto holding a tensor, as Constant has. */
export const tensorAttribute = (tensor: Uint8Array): Uint8Array => message((w) => bytes(w, 5, tensor));

/** A ModelProto. */
export const onnxBytes = (parts: OnnxParts): Uint8Array => message((model) => {
  model.uint32(8).int64(8);
  text(model, 2, "test");
  bytes(model, 7, graphBytes(parts));
  bytes(model, 8, message((w) => w.uint32(16).int64(17)));
  Object.entries(parts.metadata ?? {}).forEach(([key, value]) => bytes(model, 14, entry(key, value)));
});
