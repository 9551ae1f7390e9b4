/**
 * Writes values in D-Bus's format.
 *
 * @module
 */

import {
  alignmentOf,
  type DBusType,
  type DBusValue,
  parseSignature,
  parseSingle,
  type Variant,
} from "./signature.ts";

const encoder = new TextEncoder();

/** A growing message, little-endian. Values start where the format says, counted from its beginning. */
export class Marshaller {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written so far. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Write values of the types of a signature. */
  write(signature: string, values: readonly DBusValue[]): void {
    const types = parseSignature(signature);
    if (types.length !== values.length) throw new TypeError(`${signature} has other values`);
    types.forEach((type, index) => this.#value(type, values[index]!));
  }

  /** Fill with zeros up to a multiple. */
  align(alignment: number): void {
    this.#reserve((alignment - (this.#length % alignment)) % alignment);
  }

  append(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  /** The view is another one after the bytes had to grow. */
  #put(size: number, write: (view: DataView, at: number) => void): void {
    const at = this.#reserve(size);
    write(this.#view, at);
  }

  #value(type: DBusType, value: DBusValue): void {
    this.align(alignmentOf(type));
    switch (type.code) {
      case "y":
        return this.#put(1, (view, at) => view.setUint8(at, value as number));
      case "n":
        return this.#put(2, (view, at) => view.setInt16(at, value as number, true));
      case "q":
        return this.#put(2, (view, at) => view.setUint16(at, value as number, true));
      case "i":
        return this.#put(4, (view, at) => view.setInt32(at, value as number, true));
      case "b":
      case "u":
      case "h":
        return this.#put(4, (view, at) => view.setUint32(at, Number(value), true));
      case "x":
        return this.#put(8, (view, at) => view.setBigInt64(at, BigInt(value as bigint), true));
      case "t":
        return this.#put(8, (view, at) => view.setBigUint64(at, BigInt(value as bigint), true));
      case "d":
        return this.#put(8, (view, at) => view.setFloat64(at, value as number, true));
      case "s":
      case "o":
      case "g":
        return this.#text(value as string, type.code === "g");
      case "v": {
        const { signature, value: inner } = value as Variant;
        this.#text(signature, true);
        return this.#value(parseSingle(signature), inner);
      }
      case "a":
        return this.#array(type.of, value as readonly DBusValue[] | Uint8Array);
      default:
        type.members.forEach((member, index) =>
          this.#value(member, (value as readonly DBusValue[])[index]!)
        );
    }
  }

  #text(text: string, short: boolean): void {
    if (text.includes("\0")) throw new TypeError(`${JSON.stringify(text)} contains a NUL`);
    const bytes = encoder.encode(text);
    if (short) this.#put(1, (view, at) => view.setUint8(at, bytes.length));
    else this.#put(4, (view, at) => view.setUint32(at, bytes.length, true));
    this.append(bytes);
    this.#reserve(1);
  }

  #array(of: DBusType, values: readonly DBusValue[] | Uint8Array): void {
    const size = this.#reserve(4);
    this.align(alignmentOf(of)); // even if it is empty; does not count
    const start = this.#length;
    if (values instanceof Uint8Array) this.append(values);
    else for (const value of values) this.#value(of, value);
    this.#view.setUint32(size, this.#length - start, true);
  }
}
