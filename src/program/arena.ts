/**
 * Memory that the collector never moves and children can share.
 *
 * @module
 */

import { memoryAt, sys } from "../../ffi/mod.ts";
import { errnoName } from "../linux/mod.ts";
import { SyscallError } from "../errors.ts";
import { SYS } from "./syscalls.ts";

const PROT_READ_WRITE = 3;
const [MAP_SHARED, MAP_ANONYMOUS] = [0x01, 0x20];
/** Far from what a program of its own has mapped, and from where both runtimes put their heaps. */
const APART = 0x6000_0000_0000;

/** Pages from mmap(2), with a cursor for laying things out. */
export class Arena {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly size: number;
  /** Where the next bytes go; a multiple of 8. */
  end = 0;

  /**
   * @param fd an empty file in memory that shall hold it
   * @throws {SyscallError} when there is no memory
   */
  constructor(size: number, fd?: number) {
    this.size = (size + 4095) & ~4095;
    const made = fd === undefined ? 0 : sys(SYS.ftruncate, fd, this.size);
    const args = fd === undefined
      ? [0, this.size, PROT_READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0] as const
      : [APART, this.size, PROT_READ_WRITE, MAP_SHARED, fd, 0] as const;
    const address = made < 0 ? made : sys(SYS.mmap, ...args);
    if (address < 0) {
      throw new SyscallError({
        operation: "map",
        subject: `${this.size} bytes`,
        syscall: "mmap",
        args: args.map(String),
        errno: -address,
        errnoName: errnoName(-address),
      });
    }
    this.address = address;
    const buffer = memoryAt(address, this.size);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** Reserve bytes, aligned to 8. Returns their offset. */
  take(length: number): number {
    const at = this.end;
    this.end = (at + length + 7) & ~7;
    if (this.end > this.size) throw new RangeError("syscall program is larger than its arena");
    return at;
  }

  /** Write a 64-bit number at an offset that is a multiple of 8. */
  put(offset: number, value: number): void {
    this.words[offset >> 2] = value;
    this.words[(offset >> 2) + 1] = Math.floor(value / 0x100000000);
  }

  /** Read a signed 64-bit number. */
  get(offset: number): number {
    return this.words[(offset >> 2) + 1]! * 0x100000000 + (this.words[offset >> 2]! >>> 0);
  }

  free(): void {
    sys(SYS.munmap, this.address, this.size);
  }
}
