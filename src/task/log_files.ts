/**
 * Reads a json-file log with the files that it was rotated to: `PATH.2`, `PATH.1`, `PATH`.
 *
 * @module
 */

import { LogFile } from "./log_file.ts";
import type { LogEntry } from "./logs.ts";

/** An open log. */
export class LogFiles {
  readonly #fs = process.getBuiltinModule("node:fs");
  readonly #path: string;
  /** Oldest first; the last one may be growing. */
  #files: LogFile[];

  constructor(path: string) {
    this.#path = path;
    this.#files = this.#openAll();
  }

  /** Skip all but the last `count` entries. */
  seekTail(count: number): void {
    let left = count;
    const kept: LogFile[] = [];
    for (const file of this.#files.reverse()) {
      if (left === 0 && kept.length > 0) file.close();
      else {
        left -= file.seekTail(left);
        kept.unshift(file);
      }
    }
    this.#files = kept;
  }

  /** The entries that were written since the last call. */
  *read(): Generator<LogEntry> {
    while (this.#files.length > 0) {
      yield* this.#files[0]!.read();
      if (this.#files.length === 1 && !this.#rotated()) return;
      // It was full before the next one was begun.
      yield* this.#files[0]!.read();
      this.#files.shift()!.close();
    }
  }

  close(): void {
    for (const file of this.#files) file.close();
  }

  /** Open what came after the file that we have, should there be something. */
  #rotated(): boolean {
    const [file] = this.#files;
    if (this.#inodeOf(this.#path) === file!.inode) return false;
    const all = this.#openAll();
    const at = all.findIndex(({ inode }) => inode === file!.inode);
    for (const old of all.splice(0, at + 1)) old.close();
    this.#files.push(...all);
    return all.length > 0;
  }

  #openAll(): LogFile[] {
    const files: LogFile[] = [];
    for (let index = 0;; index++) {
      const path = index === 0 ? this.#path : `${this.#path}.${index}`;
      if (this.#inodeOf(path) === undefined) {
        if (index > 0) break;
        continue; // it is being rotated
      }
      try {
        files.unshift(new LogFile(path));
      } catch {
        break; // it was the oldest
      }
    }
    return files;
  }

  #inodeOf(path: string): number | undefined {
    return this.#fs.statSync(path, { throwIfNoEntry: false })?.ino;
  }
}
