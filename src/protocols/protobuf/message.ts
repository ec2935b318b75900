import { Reader, WIRE, Writer } from "./wire.ts";

/** One field of a message: its number, what it is when absent, and how it is read and written. */
export interface Field<Value, Input = Value> {
  readonly number: number;
  absent(): Value;
  /** Writes nothing for what proto3 leaves out (zero, empty, false). */
  write(writer: Writer, value: Input): void;
  /** `before` is what the field held so far: repeated fields grow, others are replaced. */
  read(reader: Reader, wireType: number, before: Value): Value;
}

/** A message type: how its values are encoded and decoded. */
export interface Message<Value, Input> {
  readonly name: string;
  encode(value: Input): Buffer;
  /** Byte strings are views of `bytes`. Fields that are not known are passed over. Throws `E_WIRE`. */
  decode(bytes: Uint8Array): Value;
  writeTo(writer: Writer, value: Input): void;
}

/** Values of a message: every field is there. */
export type ValueOf<M> = M extends { decode(bytes: Uint8Array): infer Value } ? Value : never;
/** What a message is encoded from: fields may be left out. */
export type InputOf<M> = M extends { encode(value: infer Input): Buffer } ? Input : never;

type Fields = Readonly<Record<string, Field<unknown>>>;
type FieldValues<F> = { readonly [K in keyof F]: F[K] extends { absent(): infer Value } ? Value : never };
type FieldInputs<F> = { readonly [K in keyof F]?: (F[K] extends { write(writer: Writer, value: infer Input): void } ? Input : never) | undefined };

/** Declares a message. `name` is its full name, for errors. */
export function message<const F extends Readonly<Record<string, unknown>>>(name: string, fields: F): Message<FieldValues<F>, FieldInputs<F>> {
  // Any Field<X> is a Field<unknown> as far as this loop is concerned: values only travel between a field's own functions.
  const entries = Object.entries(fields as unknown as Fields);
  const byNumber = new Map(entries.map(([key, field]) => [field.number, { key, field }]));
  const writeTo = (writer: Writer, value: FieldInputs<F>): void => {
    const values = value as Readonly<Record<string, unknown>>;
    for (const [key, field] of entries) {
      if (values[key] !== undefined) {
        field.write(writer, values[key]);
      }
    }
  };
  return {
    name,
    writeTo,
    encode: (value) => {
      const writer = new Writer();
      writeTo(writer, value);
      return writer.finish();
    },
    decode: (bytes) => {
      const reader = new Reader(bytes, name);
      const value = Object.fromEntries(entries.map(([key, field]) => [key, field.absent()]));
      while (!reader.isAtEnd) {
        const { number, wireType } = reader.tag();
        const known = byNumber.get(number);
        if (known === undefined) {
          reader.skip(wireType);
        } else {
          value[known.key] = known.field.read(reader, wireType, value[known.key]);
        }
      }
      // Every field was given its absent value above.
      return value as FieldValues<F>;
    },
  };
}

interface Scalar<Value> {
  readonly wireType: number;
  readonly zero: Value;
  write(writer: Writer, value: Value): void;
  read(reader: Reader): Value;
}

const utf8 = new TextDecoder();

const SCALARS = {
  /** int32, int64, enum: as a number; beyond 53 bits it throws. */
  int: { wireType: WIRE.varint, zero: 0, write: (w, v) => w.varint(v), read: (r) => r.varint() } satisfies Scalar<number>,
  int64: {
    wireType: WIRE.varint,
    zero: 0n,
    write: (w, v) => w.varint64(BigInt.asUintN(64, v)),
    read: (r) => BigInt.asIntN(64, r.varint64()),
  } satisfies Scalar<bigint>,
  uint64: { wireType: WIRE.varint, zero: 0n, write: (w, v) => w.varint64(v), read: (r) => r.varint64() } satisfies Scalar<bigint>,
  bool: { wireType: WIRE.varint, zero: false, write: (w, v) => w.varint(v ? 1 : 0), read: (r) => r.varint64() !== 0n } satisfies Scalar<boolean>,
  float: { wireType: WIRE.fixed32, zero: 0, write: (w, v) => w.float(v), read: (r) => r.float() } satisfies Scalar<number>,
  double: { wireType: WIRE.fixed64, zero: 0, write: (w, v) => w.double(v), read: (r) => r.double() } satisfies Scalar<number>,
  string: {
    wireType: WIRE.bytes,
    zero: "",
    write: (w, v) => w.bytes(Buffer.from(v)),
    read: (r) => utf8.decode(r.bytes()),
  } satisfies Scalar<string>,
  bytes: { wireType: WIRE.bytes, zero: new Uint8Array(0), write: (w, v) => w.bytes(v), read: (r) => r.bytes() } satisfies Scalar<Uint8Array>,
} as const;

function check(reader: Reader, number: number, wireType: number, expected: number): void {
  if (wireType !== expected) {
    throw reader.fault(`wire type ${expected} for field ${number}`, String(wireType));
  }
}

function isZero(value: unknown, zero: unknown): boolean {
  return value instanceof Uint8Array ? value.byteLength === 0 : Object.is(value, zero);
}

function single<Value>(scalar: Scalar<Value>): (number: number) => Field<Value> {
  return (number) => ({
    number,
    absent: () => scalar.zero,
    write: (writer, value) => {
      if (!isZero(value, scalar.zero)) {
        writer.tag(number, scalar.wireType);
        scalar.write(writer, value);
      }
    },
    read: (reader, wireType) => {
      check(reader, number, wireType, scalar.wireType);
      return scalar.read(reader);
    },
  });
}

/** A member of a oneof, or an `optional`: undefined when absent, written also when zero. */
function presence<Value>(scalar: Scalar<Value>): (number: number) => Field<Value | undefined> {
  return (number) => ({
    number,
    absent: () => undefined,
    write: (writer, value) => {
      if (value !== undefined) {
        writer.tag(number, scalar.wireType);
        scalar.write(writer, value);
      }
    },
    read: (reader, wireType) => {
      check(reader, number, wireType, scalar.wireType);
      return scalar.read(reader);
    },
  });
}

/** A repeated scalar. Numbers are written packed; both forms are read. */
function many<Value>(scalar: Scalar<Value>): (number: number) => Field<readonly Value[]> {
  const isPacked = scalar.wireType !== WIRE.bytes;
  return (number) => ({
    number,
    absent: () => [],
    write: (writer, values) => {
      if (isPacked && values.length > 0) {
        const packed = new Writer();
        values.forEach((value) => scalar.write(packed, value));
        writer.tag(number, WIRE.bytes);
        writer.nested(packed);
      } else {
        for (const value of values) {
          writer.tag(number, scalar.wireType);
          scalar.write(writer, value);
        }
      }
    },
    read: (reader, wireType, before) => {
      // Only this decoder holds the list: growing it in place keeps long lists linear.
      const grown = before as Value[];
      if (isPacked && wireType === WIRE.bytes) {
        const packed = new Reader(reader.bytes(), `packed field ${number}`);
        while (!packed.isAtEnd) {
          grown.push(scalar.read(packed));
        }
        return grown;
      }
      check(reader, number, wireType, scalar.wireType);
      grown.push(scalar.read(reader));
      return grown;
    },
  });
}

/** int32, enum, and int64 that is known to be small: numbers; more than 53 bits throw. */
export const int = single(SCALARS.int);
/** bool. */
export const bool = single(SCALARS.bool);
/** string (UTF-8). */
export const string = single(SCALARS.string);
/** bytes: a view of the message when decoded. */
export const bytes = single(SCALARS.bytes);
/** int64 with presence. */
export const maybeInt64 = presence(SCALARS.int64);
/** uint64 with presence. */
export const maybeUint64 = presence(SCALARS.uint64);
/** bool with presence. */
export const maybeBool = presence(SCALARS.bool);
/** double with presence. */
export const maybeDouble = presence(SCALARS.double);
/** string with presence. */
export const maybeString = presence(SCALARS.string);
/** bytes with presence. */
export const maybeBytes = presence(SCALARS.bytes);
/** repeated int32, uint32, enum, or int64 that is known to be small. */
export const ints = many(SCALARS.int);
/** repeated int64. */
export const int64s = many(SCALARS.int64);
/** repeated uint64. */
export const uint64s = many(SCALARS.uint64);
/** repeated bool. */
export const bools = many(SCALARS.bool);
/** repeated float. */
export const floats = many(SCALARS.float);
/** repeated double. */
export const doubles = many(SCALARS.double);
/** repeated string. */
export const strings = many(SCALARS.string);
/** repeated bytes. */
export const byteStrings = many(SCALARS.bytes);

/** A nested message; undefined when absent. */
export function nested<Value, Input>(number: number, type: Message<Value, Input>): Field<Value | undefined, Input> {
  return {
    number,
    absent: () => undefined,
    write: (writer, value) => writeNested(writer, number, type, value),
    read: (reader, wireType) => {
      check(reader, number, wireType, WIRE.bytes);
      return type.decode(reader.bytes());
    },
  };
}

/** A repeated nested message. */
export function nesteds<Value, Input>(number: number, type: Message<Value, Input>): Field<readonly Value[], readonly Input[]> {
  return {
    number,
    absent: () => [],
    write: (writer, values) => values.forEach((value) => writeNested(writer, number, type, value)),
    read: (reader, wireType, before) => {
      check(reader, number, wireType, WIRE.bytes);
      const grown = before as Value[];
      grown.push(type.decode(reader.bytes()));
      return grown;
    },
  };
}

/** `map<string, V>`: an entry message with the key as field 1 and the value as field 2. */
export function map<Value, Input>(number: number, valueField: Field<Value, Input>): Field<ReadonlyMap<string, Value>, ReadonlyMap<string, Input>> {
  const keyField = string(1);
  return {
    number,
    absent: () => new Map(),
    write: (writer, values) => {
      for (const [key, value] of values) {
        const entry = new Writer();
        keyField.write(entry, key);
        valueField.write(entry, value);
        writer.tag(number, WIRE.bytes);
        writer.nested(entry);
      }
    },
    read: (reader, wireType, before) => {
      check(reader, number, wireType, WIRE.bytes);
      const entry = new Reader(reader.bytes(), `entry of map field ${number}`);
      let key = "";
      let value = valueField.absent();
      while (!entry.isAtEnd) {
        const tag = entry.tag();
        if (tag.number === 1) {
          key = keyField.read(entry, tag.wireType, key);
        } else if (tag.number === 2) {
          value = valueField.read(entry, tag.wireType, value);
        } else {
          entry.skip(tag.wireType);
        }
      }
      // Only this decoder holds the map.
      return (before as Map<string, Value>).set(key, value);
    },
  };
}

function writeNested<Value, Input>(writer: Writer, number: number, type: Message<Value, Input>, value: Input): void {
  const inner = new Writer();
  type.writeTo(inner, value);
  writer.tag(number, WIRE.bytes);
  writer.nested(inner);
}
