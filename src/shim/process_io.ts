/**
 * The stdio of one process: pipes or a pty on its side, a log and any number of attached clients on
 * ours. The process never gets a descriptor of a client: what is open in a container can be opened
 * again through `/proc/self/fd`, with other flags.
 *
 * @module
 */

import { chunks, type Connection, sys } from "../../ffi/mod.ts";
import { ERRNO } from "../linux/mod.ts";
import { call, close, open, pipe, setNonblocking, SYS } from "../program/mod.ts";
import type { Stdio } from "../runtime/mod.ts";
import type { JsonLog } from "./json_log.ts";
import { STDERR, STDIN, stdioFrame, StdioReader, STDOUT } from "./stdio_frames.ts";

/** A client may lag this many bytes behind before the process has to wait for it. */
const MAX_LAG = 1 << 20;
const TIOCSWINSZ = 0x5414;

/** How to wire a process. */
export interface IoOptions {
  readonly terminal: boolean;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly log: JsonLog | undefined;
}

/** One process's stdio. */
export class ProcessIo {
  readonly #options: IoOptions;
  readonly #clients = new Set<Connection>();
  #childEnds: number[] = [];
  #output: [number, "stdout" | "stderr"][] = [];
  #stdin: number | undefined;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #stdinEnding = false;
  #retryMs = 0;
  /** The descriptors for the runtime; unused with a terminal. */
  readonly stdio: Stdio;
  /** Resolves when all output was read and handed on. */
  finished: Promise<void> = Promise.resolve();

  constructor(options: IoOptions) {
    this.#options = options;
    if (options.terminal) {
      this.stdio = { stdin: -1, stdout: -1, stderr: -1 };
      return;
    }
    let stdin: number;
    if (options.openStdin) [stdin, this.#stdin] = pipe();
    else stdin = open("/dev/null", 0);
    const [outRead, stdout] = pipe();
    const [errRead, stderr] = pipe();
    if (this.#stdin !== undefined) setNonblocking(this.#stdin);
    setNonblocking(outRead);
    setNonblocking(errRead);
    this.#childEnds = [stdin, stdout, stderr];
    this.#output = [[outRead, "stdout"], [errRead, "stderr"]];
    this.stdio = { stdin, stdout, stderr };
  }

  /** The process exists: close its ends here and begin to pump. */
  begin(console: number | undefined): void {
    for (const fd of this.#childEnds) close(fd);
    this.#childEnds = [];
    if (console !== undefined) {
      setNonblocking(console);
      this.#output = [[console, "stdout"]];
      this.#stdin = call("fcntl", "terminal", console, 1030, 0);
    }
    this.finished = Promise.all(
      this.#output.map(([fd, stream]) =>
        this.#pump(fd, stream, console === undefined ? "pipe" : "pty")
      ),
    ).then(() => {});
    this.#output = [];
  }

  /** The process never came to be. */
  abandon(): void {
    for (const fd of this.#childEnds) close(fd);
    for (const [fd] of this.#output) close(fd);
    this.#childEnds = [];
    this.#output = [];
    this.#closeStdin();
  }

  /** A client is there: output goes to it, and what it sends comes here through `receive`. */
  attach(client: Connection): { receive(bytes: Uint8Array): void; leave(): void } {
    this.#clients.add(client);
    const reader = new StdioReader();
    let wrote = false;
    return {
      receive: (bytes) =>
        reader.push(bytes, (stream, data) => {
          if (stream !== STDIN) return;
          wrote = true;
          if (data.length === 0) this.endStdin();
          else this.#writeStdin(data);
        }),
      leave: () => {
        this.#clients.delete(client);
        if (this.#options.stdinOnce && (wrote || this.#clients.size === 0)) this.endStdin();
      },
    };
  }

  /** No more input: the process reads end of file once it has read the rest. */
  endStdin(): void {
    this.#stdinEnding = true;
    if (this.#queue.length > 0 || this.#stdin === undefined) return;
    if (this.#options.terminal) {
      this.#stdinEnding = false;
      this.#writeStdin(new Uint8Array([4])); // ^D: a terminal has no end of file of its own
    } else this.#closeStdin();
  }

  resize(width: number, height: number): void {
    if (!this.#options.terminal || this.#stdin === undefined) return;
    const size = new Uint8Array(new Uint16Array([height, width, 0, 0]).buffer);
    sys(SYS.ioctl, this.#stdin, TIOCSWINSZ, size);
  }

  /** All output was seen: let the clients read end of file. */
  end(): void {
    this.#closeStdin();
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  async #pump(fd: number, stream: "stdout" | "stderr", kind: "pipe" | "pty"): Promise<void> {
    const number = stream === "stdout" ? STDOUT : STDERR;
    for await (const chunk of chunks(fd, kind)) {
      this.#options.log?.write(stream, chunk);
      if (this.#clients.size === 0) continue;
      const frame = stdioFrame(number, chunk);
      const slow: Promise<void>[] = [];
      for (const client of this.#clients) {
        const pending = client.write(frame);
        if (pending !== undefined) slow.push(this.#lag(client, frame.length, pending));
      }
      if (slow.length > 0) await Promise.all(slow);
    }
  }

  #lags = new WeakMap<Connection, number>();

  /** Wait for a client only when it lags too far behind. */
  #lag(client: Connection, length: number, pending: Promise<void>): Promise<void> {
    const lag = (this.#lags.get(client) ?? 0) + length;
    this.#lags.set(client, lag);
    const done = pending.then(() => {
      this.#lags.set(client, (this.#lags.get(client) ?? 0) - length);
    });
    return lag > MAX_LAG ? done : Promise.resolve();
  }

  #writeStdin(data: Uint8Array): void {
    if (this.#stdin === undefined || this.#stdinEnding) return;
    this.#queue.push(data.slice());
    this.#queued += data.length;
    if (this.#queue.length === 1) this.#flushStdin();
    if (this.#queued > MAX_LAG) { for (const client of this.#clients) client.pause(); }
  }

  #flushStdin(): void {
    while (this.#queue.length > 0 && this.#stdin !== undefined) {
      const bytes = this.#queue[0]!;
      const wrote = sys(SYS.write, this.#stdin, bytes, bytes.length);
      if (wrote === -ERRNO.EAGAIN) {
        // Full: neither runtime tells when a pipe has room again.
        this.#retryMs = Math.min(Math.max(1, this.#retryMs * 2), 50);
        setTimeout(() => this.#flushStdin(), this.#retryMs);
        return;
      }
      this.#retryMs = 0;
      if (wrote < 0) { // EPIPE: nobody reads any more
        this.#queue = [];
        this.#queued = 0;
        this.#closeStdin();
        break;
      }
      this.#queued -= wrote;
      if (wrote < bytes.length) this.#queue[0] = bytes.subarray(wrote);
      else this.#queue.shift();
    }
    if (this.#queued <= MAX_LAG) { for (const client of this.#clients) client.resume(); }
    if (this.#stdinEnding && this.#queue.length === 0) {
      this.#stdinEnding = false;
      this.endStdin();
    }
  }

  #closeStdin(): void {
    if (this.#stdin !== undefined) close(this.#stdin);
    this.#stdin = undefined;
  }
}
