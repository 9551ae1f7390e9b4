/**
 * Reads values in D-Bus's format. What comes from a socket is not trusted: a message that is not as
 * the specification says fails, and takes no more memory or stack than its own size explains.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";
import {
  alignmentOf,
  type DBusType,
  type DBusValue,
  MOST_DEPTH,
  parseSignature,
  parseSingle,
} from "./signature.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of an array, by specification. */
const MOST_ARRAY = 64 << 20;

/** A message is not one. */
export function malformed(reason: string): CtrError {
  return new CtrError({ code: "data_loss", operation: "read D-Bus message", reason });
}

/** Goes through a message from its beginning. */
export class Unmarshaller {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  #at: number;

  /** @param at where the values begin */
  constructor(bytes: Uint8Array, { little = true, at = 0 } = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = little;
    this.#at = at;
  }

  /** Where the next byte is read. */
  get at(): number {
    return this.#at;
  }

  /**
   * Read values of the types of a signature.
   *
   * @throws {CtrError} `data_loss` when there are none
   */
  read(signature: string): DBusValue[] {
    return this.#types(() => parseSignature(signature)).map((type) => this.#value(type, 1));
  }

  /** Pass the zeros up to a multiple. */
  align(alignment: number): void {
    while (this.#at % alignment !== 0) {
      if (this.#bytes[this.#take(1)] !== 0) throw malformed("padding is not zero");
    }
  }

  #types<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw malformed((error as CtrError).message);
    }
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#bytes.length - at) throw malformed("it ends too early");
    this.#at += size;
    return at;
  }

  #value(type: DBusType, depth: number): DBusValue {
    if (depth > MOST_DEPTH) throw malformed("it is nested too deeply");
    this.align(alignmentOf(type));
    const [view, little] = [this.#view, this.#little];
    switch (type.code) {
      case "y":
        return view.getUint8(this.#take(1));
      case "b": {
        const value = this.#uint32();
        if (value > 1) throw malformed(`${value} is no boolean`);
        return value === 1;
      }
      case "n":
        return view.getInt16(this.#take(2), little);
      case "q":
        return view.getUint16(this.#take(2), little);
      case "i":
        return view.getInt32(this.#take(4), little);
      case "u":
      case "h":
        return this.#uint32();
      case "x":
        return view.getBigInt64(this.#take(8), little);
      case "t":
        return view.getBigUint64(this.#take(8), little);
      case "d":
        return view.getFloat64(this.#take(8), little);
      case "s":
      case "o":
        return this.#text(this.#uint32());
      case "g":
        return this.#text(view.getUint8(this.#take(1)));
      case "v": {
        const signature = this.#text(view.getUint8(this.#take(1)));
        const inner = this.#types(() => parseSingle(signature));
        return { signature, value: this.#value(inner, depth + 1) };
      }
      case "a":
        return this.#array(type.of, depth);
      default:
        return type.members.map((member) => this.#value(member, depth + 1));
    }
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4), this.#little);
  }

  #text(length: number): string {
    const at = this.#take(length);
    const bytes = this.#bytes.subarray(at, at + length);
    if (this.#bytes[this.#take(1)] !== 0 || bytes.includes(0)) throw malformed("text has a NUL");
    try {
      return decoder.decode(bytes);
    } catch {
      throw malformed("text is not UTF-8");
    }
  }

  #array(of: DBusType, depth: number): DBusValue {
    const length = this.#uint32();
    if (length > MOST_ARRAY) throw malformed("an array is too long");
    this.align(alignmentOf(of));
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed("it ends too early");
    if (of.code === "y") return this.#bytes.slice(this.#take(length), end);
    const values: DBusValue[] = [];
    // No type is empty, so every value is at least one byte of the message.
    while (this.#at < end) values.push(this.#value(of, depth + 1));
    if (this.#at !== end) throw malformed("an array ends inside a value");
    return values;
  }
}
