/**
 * Lays a program out in an arena as the trampoline reads it (`ffi/trampoline/README.md`): the table,
 * then bytes, then all strings, which are encoded in one call.
 *
 * A container's start encodes one program in a process that has just begun, so what counts is the
 * cost in the interpreter: one pass, few calls, no object per argument.
 *
 * @module
 */

import type { Arg, Memory, Step } from "./types.ts";
import { Arena } from "./arena.ts";
import { SYS } from "./syscalls.ts";

/** A program in memory. The table is at the beginning of the arena. */
export interface Encoded {
  readonly arena: Arena;
  readonly entries: number;
  /** The first entry of each part. */
  readonly begins: readonly number[];
}

/** Words of an entry, and the word where its result is. */
const ENTRY = 16;
const RESULT = 14;

const encoder = new TextEncoder();

/** What an entry of the arena refers to and where its address has to go. */
interface Layout {
  /** Words of the arena that become the address of `offsets[i]`. */
  readonly places: number[];
  readonly offsets: number[];
  /** Words that become the address of `texts[i]`. */
  readonly textPlaces: number[];
  readonly texts: string[];
  readonly blocks: Uint8Array[];
  readonly blockOffsets: number[];
  /** Where bytes are that were placed. */
  readonly placed: Map<Uint8Array, number>;
  /** Where the next block goes. */
  end: number;
}

/**
 * Encode parts that follow each other, leaving `extra` bytes free in the arena for the caller.
 * References count from the beginning of their part. A `scratch` arena is used if it is large enough;
 * what it held before is overwritten but for the bytes that are left free. With `fd`, an empty file in
 * memory, the arena is that file's.
 *
 * @throws {TypeError} when a string contains a NUL
 * @throws {RangeError} when a step refers to itself or a later one
 */
export function encode(
  parts: readonly (readonly Step[])[],
  options: { extra?: number; scratch?: Arena | undefined; fd?: number | undefined } = {},
): Encoded {
  const begins: number[] = [];
  let entries = 0;
  for (const part of parts) {
    begins.push(entries);
    entries += part.length;
  }
  const table = new Int32Array(entries * ENTRY);
  const layout: Layout = {
    places: [],
    offsets: [],
    textPlaces: [],
    texts: [],
    blocks: [],
    blockOffsets: [],
    placed: new Map(),
    end: table.byteLength,
  };
  for (let number = 0; number < parts.length; number++) {
    const steps = parts[number]!;
    for (let index = 0; index < steps.length; index++) {
      const { syscall, args, options } = steps[index]!;
      const word = (begins[number]! + index) * ENTRY;
      table[word] = SYS[syscall];
      let flags = (options.mayFail ? 1 : 0) | (options.zeroFails ? 2 : 0);
      if (options.exitIfPositive) flags |= 4 | (entries << 16);
      else if (options.partIfPositive !== undefined) {
        flags |= 4 | (begins[options.partIfPositive]! << 16);
      }
      table[word + 1] = flags | putArguments(table, word, args, layout, begins[number]!, index);
    }
  }
  return { arena: write(table, layout, options), entries, begins };
}

/** Fill in the arguments of the entry at `word`. Returns the flags of those that are references. */
function putArguments(
  table: Int32Array,
  word: number,
  args: readonly Arg[],
  layout: Layout,
  begin: number,
  index: number,
): number {
  let flags = 0;
  for (let n = 0; n < args.length; n++) {
    const arg = args[n]!;
    word += 2;
    if (typeof arg === "number") {
      table[word] = arg;
      // Most numbers are small; those beyond 32 bits are addresses, flags of clone3, and -100.
      if (arg < 0 || arg > 0x7fffffff) table[word + 1] = Math.floor(arg / 0x100000000);
    } else if (typeof arg === "string") {
      layout.textPlaces.push(word);
      layout.texts.push(arg);
    } else if ("step" in arg) {
      if (arg.step >= index) throw new RangeError(`step ${index} refers to step ${arg.step}`);
      flags |= 0x100 << n;
      layout.places.push(word);
      layout.offsets.push(((begin + arg.step) * ENTRY + RESULT) * 4);
    } else if ("from" in arg) {
      flags |= 0x100 << n;
      layout.places.push(word);
      layout.offsets.push(place(layout, arg.from) + arg.at);
    } else {
      const offset = place(layout, arg);
      layout.places.push(word);
      layout.offsets.push(offset);
    }
  }
  return flags;
}

/** Plan a block of bytes and what it points to. Returns its offset. */
function place(layout: Layout, value: Uint8Array | Memory): number {
  const bytes = value instanceof Uint8Array ? value : value.bytes;
  const known = layout.placed.get(bytes);
  if (known !== undefined) return known;
  const at = layout.end;
  layout.placed.set(bytes, at);
  layout.end = (at + bytes.length + 7) & ~7;
  layout.blocks.push(bytes);
  layout.blockOffsets.push(at);
  if (value instanceof Uint8Array) return at;
  for (const { offset, to } of value.pointers) {
    const word = (at + offset) >> 2;
    if (typeof to === "string") {
      layout.textPlaces.push(word);
      layout.texts.push(to);
    } else {
      const inner = place(layout, to);
      layout.places.push(word);
      layout.offsets.push(inner);
    }
  }
  return at;
}

function write(
  table: Int32Array,
  layout: Layout,
  { extra = 0, scratch, fd }: Parameters<typeof encode>[1] & object,
): Arena {
  const { places, offsets, textPlaces, texts, blocks, blockOffsets, end } = layout;
  if (texts.join("").includes("\0")) {
    const bad = texts.find((text) => text.includes("\0"));
    throw new TypeError(`${JSON.stringify(bad)} contains a NUL`);
  }
  const text = texts.join("\0") + "\0";
  const size = end + text.length * 3 + 8 + extra;
  const arena = scratch !== undefined && size <= scratch.size ? scratch : new Arena(size, fd);
  const { address, bytes, words } = arena;
  words.set(table);
  for (let i = 0; i < blocks.length; i++) bytes.set(blocks[i]!, blockOffsets[i]);
  for (let i = 0; i < places.length; i++) putAddress(words, places[i]!, address + offsets[i]!);
  const { written } = encoder.encodeInto(text, bytes.subarray(end));
  const ascii = written === text.length;
  let at = end;
  for (let i = 0; i < texts.length; i++) {
    putAddress(words, textPlaces[i]!, address + at);
    at += (ascii ? texts[i]!.length : encoder.encode(texts[i]!).length) + 1;
  }
  arena.end = (end + written + 7) & ~7;
  return arena;
}

function putAddress(words: Int32Array, word: number, address: number): void {
  words[word] = address;
  words[word + 1] = Math.floor(address / 0x100000000);
}

/** The result that an entry holds. */
export function resultOf({ arena }: Encoded, index: number): number {
  return arena.get((index * ENTRY + RESULT) * 4);
}
