/**
 * Reads a json-file log that may be growing.
 *
 * @module
 */

import type { LogEntry } from "./logs.ts";

const BLOCK = 1 << 16;
const NEWLINE = 10;

/** An open log. */
export class LogFile {
  readonly #fs = process.getBuiltinModule("node:fs");
  readonly #fd: number;
  readonly #buffer = new Uint8Array(BLOCK);
  readonly #decoder = new TextDecoder();
  #position = 0;
  #held = "";
  /** Of the file: whether a path still leads to it. */
  readonly inode: number;

  constructor(path: string) {
    this.#fd = this.#fs.openSync(path, "r");
    this.inode = this.#fs.fstatSync(this.#fd).ino;
  }

  /**
   * Skip all but the last `count` whole entries. Reads no more than those, from the end.
   *
   * @returns how many there are
   */
  seekTail(count: number): number {
    const { size } = this.#fs.fstatSync(this.#fd);
    let wanted = count + 1; // the newline before the first entry
    for (let end = size; end > 0;) {
      const begin = Math.max(0, end - BLOCK);
      const length = this.#fs.readSync(this.#fd, this.#buffer, 0, end - begin, begin);
      for (let i = length - 1; i >= 0; i--) {
        if (this.#buffer[i] === NEWLINE && --wanted === 0) {
          this.#position = begin + i + 1;
          return count;
        }
      }
      end = begin;
    }
    return count + 1 - wanted;
  }

  /** The entries that were written since the last call. What is not an entry is left out. */
  *read(): Generator<LogEntry> {
    if (this.#fs.fstatSync(this.#fd).size < this.#position) {
      this.#position = 0; // it was begun anew
      this.#held = "";
    }
    while (true) {
      const length = this.#fs.readSync(this.#fd, this.#buffer, 0, BLOCK, this.#position);
      if (length === 0) return;
      this.#position += length;
      const text = this.#decoder.decode(this.#buffer.subarray(0, length), { stream: true });
      const lines = (this.#held + text).split("\n");
      this.#held = lines.pop()!;
      for (const line of lines) {
        const entry = parse(line);
        if (entry !== undefined) yield entry;
      }
    }
  }

  close(): void {
    this.#fs.closeSync(this.#fd);
  }
}

/** A line that a crash cut off is followed by the next start's first line. */
function parse(line: string): LogEntry | undefined {
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    const next = line.lastIndexOf('{"log":');
    return next > 0 ? parse(line.slice(next)) : undefined;
  }
}
