/**
 * The part of Protocol Buffers that the shim's messages use: varints, strings, bytes, nested and
 * repeated messages. A message is described by a table from field name to number and type.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 * @module
 */

/** What a field holds. `int` is any varint up to 2^53; a table is a nested message. */
export type FieldType = "int" | "bool" | "string" | "bytes" | Message;

/** Fields by name: number, type, and `repeated` where there are many. */
export type Message = {
  readonly [name: string]: readonly [number: number, type: FieldType, repeated?: "repeated"];
};

type Scalar<T> = T extends "int" ? number
  : T extends "bool" ? boolean
  : T extends "string" ? string
  : T extends "bytes" ? Uint8Array
  : T extends Message ? Decoded<T>
  : never;

/** A decoded message: absent scalars are zero, absent messages undefined, absent lists empty. */
export type Decoded<M extends Message> = {
  -readonly [K in keyof M]: M[K][2] extends "repeated" ? Scalar<M[K][1]>[]
    : M[K][1] extends Message ? Scalar<M[K][1]> | undefined
    : Scalar<M[K][1]>;
};

/** What `encode` takes: any field may be left out. */
export type Encodable<M extends Message> = {
  readonly [K in keyof M]?: M[K][2] extends "repeated" ? readonly Given<M[K][1]>[]
    : Given<M[K][1]> | undefined;
};
type Given<T> = T extends Message ? Encodable<T> : Scalar<T>;

const text = new TextEncoder();
const untext = new TextDecoder();

/** Encode a message. Zero values are left out, as proto3 does. */
export function encode<M extends Message>(fields: M, value: Encodable<M>): Uint8Array {
  const pieces: Piece[] = [];
  const bytes = new Uint8Array(collect(pieces, fields, value as Record<string, unknown>));
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === "number") at = putVarint(bytes, at, piece);
    else {
      bytes.set(piece, at);
      at += piece.length;
    }
  }
  return bytes;
}

/** A varint or bytes. */
type Piece = number | Uint8Array;

/** Append the pieces of a message. Returns their length in bytes. */
function collect(pieces: Piece[], fields: Message, value: Record<string, unknown>): number {
  let size = 0;
  const put = (piece: number) => {
    pieces.push(piece);
    size += varintSize(piece);
  };
  for (const name in fields) {
    const given = value[name];
    if (given === undefined) continue;
    const [number, type, repeated] = fields[name]!;
    const all = repeated ? given as unknown[] : [given];
    for (const one of all) {
      if (type === "int" || type === "bool") {
        if (!one && !repeated) continue;
        put(number * 8);
        put(Number(one));
        continue;
      }
      if (typeof type !== "string") {
        const inner: Piece[] = [];
        const length = collect(inner, type, one as Record<string, unknown>);
        put(number * 8 + 2);
        put(length);
        for (const piece of inner) pieces.push(piece);
        size += length;
        continue;
      }
      const bytes = type === "string" ? text.encode(one as string) : one as Uint8Array;
      if (bytes.length === 0 && !repeated) continue;
      put(number * 8 + 2);
      put(bytes.length);
      pieces.push(bytes);
      size += bytes.length;
    }
  }
  return size;
}

/** Two's complement; exact to 2^53 is enough here. */
function unsigned(value: number): number {
  return value < 0 ? value + 18446744073709551616 : value;
}

function varintSize(value: number): number {
  let size = 1;
  for (let left = unsigned(value); left >= 128; left = Math.floor(left / 128)) size++;
  return size;
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let left = unsigned(value);
  while (left >= 128) {
    bytes[at++] = (left % 128) | 128;
    left = Math.floor(left / 128);
  }
  bytes[at++] = left;
  return at;
}

/** Bytes that are read, and how far they were. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** The next number; above 2^63 it is the negative one that these bits mean. */
function varint(cursor: Cursor): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw new RangeError("protobuf message ends in a number");
    value += (byte & 127) * scale;
    if (byte < 128) return value >= 9223372036854775808 ? value - 18446744073709551616 : value;
    scale *= 128;
  }
  throw new RangeError("protobuf number is too long");
}

/** Repeated numbers that came as one field. */
function packed(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  for (const cursor = { bytes, at: 0 }; cursor.at < bytes.length;) numbers.push(varint(cursor));
  return numbers;
}

/**
 * Decode a message. Unknown fields are skipped.
 *
 * @throws {RangeError} when the bytes are not a message
 */
export function decode<M extends Message>(fields: M, bytes: Uint8Array): Decoded<M> {
  const result: Record<string, unknown> = {};
  const byNumber = new Map<number, string>();
  for (const name in fields) {
    const [number, type, repeated] = fields[name]!;
    byNumber.set(number, name);
    result[name] = repeated
      ? []
      : type === "int"
      ? 0
      : type === "bool"
      ? false
      : type === "string"
      ? ""
      : type === "bytes"
      ? new Uint8Array(0)
      : undefined;
  }
  const cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const tag = varint(cursor);
    const wire = tag & 7;
    let value: number | Uint8Array;
    if (wire === 0) value = varint(cursor);
    else if (wire === 2) {
      const length = varint(cursor);
      if (length < 0 || length > bytes.length - cursor.at) {
        throw new RangeError("protobuf field is longer than its message");
      }
      value = bytes.subarray(cursor.at, cursor.at += length);
    } else if (wire === 1 || wire === 5) {
      cursor.at += wire === 1 ? 8 : 4;
      if (cursor.at > bytes.length) throw new RangeError("protobuf message ends in a field");
      continue;
    } else throw new RangeError(`protobuf wire type ${wire}`);
    const name = byNumber.get(Math.floor(tag / 8));
    if (name === undefined) continue;
    const [, type, repeated] = fields[name]!;
    const scalar = type === "int" || type === "bool";
    if (repeated && type === "int" && typeof value !== "number") {
      (result[name] as number[]).push(...packed(value));
      continue;
    }
    if (scalar !== (wire === 0)) throw new RangeError(`protobuf field ${name} has another type`);
    const decoded = type === "int"
      ? value
      : type === "bool"
      ? value !== 0
      : type === "string"
      ? untext.decode(value as Uint8Array)
      : type === "bytes"
      ? value
      : decode(type, value as Uint8Array);
    if (repeated) (result[name] as unknown[]).push(decoded);
    else result[name] = decoded;
  }
  return result as Decoded<M>;
}
