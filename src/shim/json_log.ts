/**
 * Docker's `json-file` log: a JSON object per line, `{"log":"text\n","stream":"stdout","time":…}`.
 * A line of more than 16 KiB is cut into several objects, of which only the last ends in `\n`.
 *
 * @see https://docs.docker.com/engine/logging/drivers/json-file/
 * @module
 */

import { close, open, writeAll } from "../program/mod.ts";
import { O } from "../linux/mod.ts";

const MAX_LINE = 16 << 10;

/** Turns the chunks of one stream into log lines. */
export class LogLines {
  readonly #stream: string;
  readonly #decoder = new TextDecoder();
  #held = "";

  constructor(stream: "stdout" | "stderr") {
    this.#stream = stream;
  }

  /** The lines that this chunk completes. */
  push(chunk: Uint8Array, time: string): string {
    return this.#take(this.#decoder.decode(chunk, { stream: true }), time, false);
  }

  /** What is left when the stream ends. */
  end(time: string): string {
    return this.#take(this.#decoder.decode(), time, true);
  }

  #take(text: string, time: string, all: boolean): string {
    this.#held += text;
    let lines = "";
    let at = 0;
    while (at < this.#held.length) {
      const newline = this.#held.indexOf("\n", at);
      let end = newline < 0 ? this.#held.length : newline + 1;
      if (newline < 0 && !all && end - at < MAX_LINE) break;
      end = Math.min(end, at + MAX_LINE);
      const log = JSON.stringify(this.#held.slice(at, end));
      lines += `{"log":${log},"stream":"${this.#stream}","time":"${time}"}\n`;
      at = end;
    }
    this.#held = this.#held.slice(at);
    return lines;
  }
}

/** The log file of one container. */
export class JsonLog {
  readonly #fd: number;
  readonly #path: string;
  readonly #lines = { stdout: new LogLines("stdout"), stderr: new LogLines("stderr") };
  readonly #encoder = new TextEncoder();

  constructor(path: string) {
    this.#path = path;
    this.#fd = open(path, O.O_WRONLY | O.O_CREAT | O.O_APPEND, 0o600);
  }

  write(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    this.#append(this.#lines[stream].push(chunk, timestamp()));
  }

  close(): void {
    this.#append(this.#lines.stdout.end(timestamp()) + this.#lines.stderr.end(timestamp()));
    close(this.#fd);
  }

  #append(lines: string): void {
    if (lines !== "") writeAll(this.#fd, this.#encoder.encode(lines), this.#path);
  }
}

/** RFC 3339 with as many digits as the clock gives: microseconds. */
export function timestamp(): string {
  const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  const second = new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 19);
  return `${second}.${String(microseconds % 1_000_000).padStart(6, "0")}000Z`;
}
