/**
 * Docker's json-file log with a limit: when the file is full it becomes `PATH.1`, that becomes `PATH.2`,
 * and the oldest goes. With one file only, that is begun anew.
 *
 * @module
 */

import { O } from "../../linux/mod.ts";
import { call, close, exists, open, rename, SYS, unlink, writeAll } from "../../program/mod.ts";
import { sys } from "../../../ffi/mod.ts";
import { LogLines, timestamp } from "../json_log.ts";
import type { OutputSink } from "../output_sink.ts";
import type { LogTarget } from "../task_api.ts";

const SEEK_END = 2;

/** The log files of one container. */
export class RotatingJsonLog implements OutputSink {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  readonly #lines: Record<"stdout" | "stderr", LogLines>;
  readonly #encoder = new TextEncoder();
  #fd: number | undefined;
  #size: number;

  constructor(
    path: string,
    { maxBytes = Infinity, maxFiles = 1, attrs = {} }: Partial<
      Pick<LogTarget, "maxBytes" | "maxFiles" | "attrs">
    >,
  ) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#maxFiles = maxFiles;
    const names = Object.keys(attrs).sort();
    const json = names.length === 0
      ? ""
      : JSON.stringify(Object.fromEntries(names.map((name) => [name, attrs[name]])));
    this.#lines = { stdout: new LogLines("stdout", json), stderr: new LogLines("stderr", json) };
    this.#fd = openLog(path);
    this.#size = Math.max(0, sys(SYS.lseek, this.#fd, 0, SEEK_END));
  }

  /** Lines that the disk has no room for are lost, as they are in Docker. */
  write(stream: "stdout" | "stderr", chunk: Uint8Array): undefined {
    this.#append(this.#lines[stream].push(chunk, timestamp()));
  }

  close(): void {
    if (this.#fd === undefined) return;
    const time = timestamp();
    this.#append(this.#lines.stdout.end(time) + this.#lines.stderr.end(time));
    close(this.#fd);
    this.#fd = undefined;
  }

  /** A line is in one file as a whole. */
  #append(lines: string): void {
    if (lines === "" || this.#fd === undefined) return;
    try {
      let bytes = this.#encoder.encode(lines);
      while (bytes.length > 0) {
        if (this.#size >= this.#maxBytes) this.#rotate();
        const end = endOfLines(bytes, this.#maxBytes - this.#size);
        writeAll(this.#fd, bytes.subarray(0, end), this.#path);
        this.#size += end;
        bytes = bytes.subarray(end);
      }
    } catch {
      // The container's output and exit matter more than its log.
    }
  }

  #rotate(): void {
    const path = this.#path;
    if (this.#maxFiles <= 1) {
      call("ftruncate", path, this.#fd!, 0);
    } else {
      const name = (index: number) => index === 0 ? path : `${path}.${index}`;
      unlink(name(this.#maxFiles - 1));
      for (let index = this.#maxFiles - 2; index >= 0; index--) {
        if (exists(name(index))) rename(name(index), name(index + 1));
      }
      close(this.#fd!);
      this.#fd = openLog(path);
    }
    this.#size = 0;
  }
}

function openLog(path: string): number {
  return open(path, O.O_WRONLY | O.O_CREAT | O.O_APPEND, 0o600);
}

/** Where the line ends that reaches `limit`; there is one whole line at least. */
function endOfLines(bytes: Uint8Array, limit: number): number {
  if (bytes.length <= limit) return bytes.length;
  const NEWLINE = 10;
  return bytes.indexOf(NEWLINE, Math.max(0, limit - 1)) + 1;
}
