/**
 * Lays a program out in an arena as the trampoline reads it (`ffi/trampoline/README.md`).
 *
 * @module
 */

import type { Arg, Memory, Program, Ref, Step } from "./types.ts";
import { Arena } from "./arena.ts";
import { SYS } from "./syscalls.ts";

/** Entry size, and where its fields begin. */
const ENTRY = 64;
const RESULT = 56;

const NONE: readonly Step[] = [];

/** A program in memory. */
export interface Encoded {
  readonly arena: Arena;
  /** Offset of the first entry. */
  readonly table: number;
  readonly entries: number;
}

/**
 * Encode, leaving `extra` bytes at the end of the arena for the caller. `before` are steps to run
 * ahead of the program's own, whose references do not count them.
 */
export function encode(program: Program, extra = 0, before: readonly Step[] = NONE): Encoded {
  const shift = before.length;
  const steps = shift === 0 ? program.steps : [...before, ...program.steps];
  let size = steps.length * ENTRY + extra + 64;
  for (const step of steps) for (const arg of step.args) size += sizeOf(arg);
  const arena = new Arena(size);
  const table = arena.take(steps.length * ENTRY);
  for (let index = 0; index < steps.length; index++) {
    const { syscall, args, options } = steps[index]!;
    const at = table + index * ENTRY;
    let flags = (options.mayFail ? 1 : 0) | (options.zeroFails ? 2 : 0) |
      (options.exitIfPositive ? 4 : 0);
    for (let n = 0; n < args.length; n++) {
      const arg = args[n]!;
      let word: number;
      if (typeof arg === "number") word = arg;
      else if (isRef(arg)) {
        const target = arg.step + shift;
        if (target >= index) {
          throw new RangeError(`step ${index - shift} refers to step ${arg.step}`);
        }
        flags |= 0x100 << n;
        word = arena.address + table + target * ENTRY + RESULT;
      } else word = place(arena, arg);
      arena.put(at + 8 + n * 8, word);
    }
    arena.words[at >> 2] = SYS[syscall];
    arena.words[(at >> 2) + 1] = flags;
  }
  return { arena, table, entries: steps.length };
}

/** The result that an entry holds. */
export function resultOf(encoded: Encoded, index: number): number {
  return encoded.arena.get(encoded.table + index * ENTRY + RESULT);
}

function isRef(arg: Arg): arg is Ref {
  return typeof arg === "object" && "step" in arg;
}

function sizeOf(arg: Arg): number {
  if (typeof arg === "number" || isRef(arg)) return 0;
  if (typeof arg === "string") return arg.length * 3 + 16;
  if (arg instanceof Uint8Array) return arg.length + 8;
  let size = arg.bytes.length + 8;
  for (const { to } of arg.pointers) size += sizeOf(to);
  return size;
}

function place(arena: Arena, value: string | Uint8Array | Memory): number {
  if (typeof value === "string") {
    if (value.includes("\0")) throw new TypeError(`${JSON.stringify(value)} contains a NUL`);
    return arena.string(value);
  }
  if (value instanceof Uint8Array) return arena.copy(value);
  const address = arena.copy(value.bytes);
  for (const { offset, to } of value.pointers) {
    arena.put(address - arena.address + offset, place(arena, to));
  }
  return address;
}
