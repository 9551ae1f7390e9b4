/**
 * The door to libc and the kernel: the one interface that the Bun and the Deno adapter implement.
 * Nothing outside `ffi/` knows which runtime it runs on.
 *
 * @module
 */

import type { Duplex, Readable } from "node:stream";

/** A user-space address. 47 bits on both architectures, so a number holds it exactly. */
export type Address = number;

/** Memory from `mmap(MAP_SHARED|MAP_ANONYMOUS)`: the collector never moves it, children share it. */
export interface Arena {
  readonly address: Address;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Unmap. The views must not be touched afterwards. */
  free(): void;
}

/** Where the trampoline finds a program: see `ffi/trampoline/README.md` for the entry layout. */
export interface Table {
  readonly address: Address;
  readonly entries: number;
}

/** What an adapter offers; `ffi/mod.ts` re-exports these under the same names. */
export interface Door {
  readonly runtime: "bun" | "deno";
  readonly arch: "x86_64" | "aarch64";
  /** The executable of the running JavaScript runtime. */
  readonly execPath: string;
  /** Arguments that the runtime wants before a script: `["run", "-A", ...]` on Deno. */
  readonly runArgs: readonly string[];

  /**
   * One raw system call on this thread.
   * @returns its result, or `-errno`.
   */
  sys(
    nr: number,
    a0?: number | Uint8Array,
    a1?: number | Uint8Array,
    a2?: number | Uint8Array,
    a3?: number | Uint8Array,
    a4?: number | Uint8Array,
    a5?: number | Uint8Array,
  ): number;
  /** Run a table of system calls on this thread. Returns the index of the failed entry or -1. */
  runTable(table: Table): number;
  /**
   * `clone3` with `cloneArgs` (struct clone_args, 88 bytes in the arena); the child runs the table.
   * @returns the child's pid, or `-errno`.
   */
  cloneTable(table: Table, cloneArgs: Address): number;

  /** The address of a buffer; valid while the caller keeps the buffer alive. */
  addressOf(buffer: Uint8Array): Address;
  arena(bytes: number): Arena;

  /** A duplex stream over a connected stream-socket descriptor, which it owns from now on. */
  socket(fd: number): Duplex;
  /**
   * A readable stream over a pipe or pty-master descriptor, which it owns from now on.
   * On a master, EIO is the end of the stream, not an error.
   */
  readable(fd: number, kind: "pipe" | "pty"): Readable;
}
