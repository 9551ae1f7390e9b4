/**
 * Docker's `json-file` log: a JSON object per line, `{"log":"text\n","stream":"stdout","time":…}`.
 * A line of more than 16 KiB is cut into several objects, of which only the last ends in `\n`.
 *
 * @see https://docs.docker.com/engine/logging/drivers/json-file/
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { O } from "../linux/mod.ts";
import { close, open, SYS, writeAll } from "../program/mod.ts";
import type { OutputSink } from "./output_sink.ts";

const MAX_LINE = 16 << 10;

/** Turns the chunks of one stream into log lines. */
export class LogLines {
  readonly #stream: string;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #attrs: string;
  #held = "";

  /** @param attrs JSON of what every line says of its container */
  constructor(stream: "stdout" | "stderr", attrs = "") {
    this.#stream = stream;
    this.#attrs = attrs === "" ? "" : `"attrs":${attrs},`;
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
    const held = this.#held === "" ? text : this.#held + text;
    let lines = "";
    let at = 0;
    while (at < held.length) {
      const newline = held.indexOf("\n", at);
      let end = newline < 0 ? held.length : newline + 1;
      if (newline < 0 && !all && end - at < MAX_LINE) break;
      if (end - at > MAX_LINE) {
        end = at + MAX_LINE;
        const last = held.charCodeAt(end - 1);
        if (last >= 0xd800 && last < 0xdc00) end--; // between the halves of one character
      }
      const log = JSON.stringify(held.slice(at, end));
      lines += `{"log":${log},"stream":"${this.#stream}",${this.#attrs}"time":"${time}"}\n`;
      at = end;
    }
    this.#held = held.slice(at);
    return lines;
  }
}

/** The log file of one container. */
export class JsonLog implements OutputSink {
  #fd: number | undefined;
  readonly #path: string;
  readonly #lines = { stdout: new LogLines("stdout"), stderr: new LogLines("stderr") };
  readonly #encoder = new TextEncoder();

  /** Opens the file and makes it where there is none; what is in it stays. */
  constructor(path: string) {
    this.#path = path;
    this.#fd = open(path, O.O_WRONLY | O.O_CREAT | O.O_APPEND, 0o600);
  }

  /** One write per chunk. Lines that the disk has no room for are lost, as they are in Docker. */
  write(stream: "stdout" | "stderr", chunk: Uint8Array): undefined {
    this.#append(this.#lines[stream].push(chunk, timestamp()));
  }

  /** Write what is left. Nothing is written afterwards. */
  close(): void {
    if (this.#fd === undefined) return;
    const time = timestamp();
    this.#append(this.#lines.stdout.end(time) + this.#lines.stderr.end(time));
    close(this.#fd);
    this.#fd = undefined;
  }

  #append(lines: string): void {
    if (lines === "" || this.#fd === undefined) return;
    try {
      writeAll(this.#fd, this.#encoder.encode(lines), this.#path);
    } catch {
      // The container's output and exit matter more than its log.
    }
  }
}

const timespec = new BigInt64Array(2);
const timespecBytes = new Uint8Array(timespec.buffer);

/** The time in RFC 3339, with nanoseconds. Follows the host's clock when that is set. */
export function timestamp(): string {
  const CLOCK_REALTIME = 0;
  sys(SYS.clock_gettime, CLOCK_REALTIME, timespecBytes);
  const second = new Date(Number(timespec[0]) * 1000).toISOString().slice(0, 19);
  return `${second}.${String(timespec[1]).padStart(9, "0")}Z`;
}
