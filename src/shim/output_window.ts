/**
 * Reads the output of a container that runs for a moment, by system calls that block: a poll and a
 * read or two, where an event loop would need callbacks, streams and their start-up.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO } from "../linux/mod.ts";
import { call, close, setNonblocking, SYS } from "../program/mod.ts";
import type { JsonLog } from "./json_log.ts";

/** As much as a pipe holds: who writes more is not stopped longer than by any slow reader. */
const LIMIT = 1 << 16;
const PIECE = 1 << 13;
const POLLIN = 1;
const STREAMS = ["stdout", "stderr"] as const;

/** What was written while nobody else listened. */
export class OutputWindow {
  readonly #fds: readonly [number, number];
  readonly #log: JsonLog;
  readonly #open = [true, true];
  readonly #held: { readonly stream: number; readonly bytes: Uint8Array }[] = [];
  #size = 0;

  /** @param fds read ends of stdout and stderr, which stay the caller's */
  constructor(fds: readonly [number, number], log: JsonLog) {
    this.#fds = fds;
    this.#log = log;
    for (const fd of fds) setNonblocking(fd);
  }

  /**
   * Read until the process has ended and all it wrote is here (true), or time is up, or there is so
   * much that others must be let in (false).
   *
   * @param pid a process that nobody has waited for yet
   */
  watch(pid: number, forMs: number): boolean {
    const pidfd = call("pidfd_open", String(pid), pid, 0);
    try {
      const until = performance.now() + forMs;
      while (this.#size < LIMIT) {
        const leftMs = until - performance.now();
        if (leftMs <= 0) return false;
        const [out, err, ended] = this.#poll(pidfd, leftMs);
        if (out) this.#read(0);
        if (err) this.#read(1);
        if (!ended) continue;
        if (!this.#open.includes(true)) return true;
        // Somebody outside its process-id namespace may still have a pipe: the shim knows patience.
        if (!out && !err) return false;
      }
      return false;
    } finally {
      close(pidfd);
    }
  }

  /** Hand out what was read. */
  deliver(onOutput: (stream: number, bytes: Uint8Array) => void): void {
    for (const { stream, bytes } of this.#held.splice(0)) onOutput(stream, bytes);
  }

  /** Which of stdout, stderr and the process have something to say. */
  #poll(pidfd: number, forMs: number): readonly [boolean, boolean, boolean] {
    const [out, err] = this.#fds;
    const polled = new Int32Array([
      ...[this.#open[0] ? out : -1, POLLIN],
      ...[this.#open[1] ? err : -1, POLLIN],
      ...[pidfd, POLLIN],
    ]);
    const ms = BigInt(Math.ceil(forMs));
    const time = new BigInt64Array([ms / 1000n, ms % 1000n * 1_000_000n]);
    const bytes = new Uint8Array(polled.buffer);
    const result = sys(SYS.ppoll, bytes, 3, new Uint8Array(time.buffer), 0, 0);
    if (result <= 0) return [false, false, false]; // time is up, or a signal came
    for (const index of [0, 1] as const) {
      const events = polled[index * 2 + 1]! >> 16;
      if (events !== 0 && (events & POLLIN) === 0) this.#open[index] = false; // only a hang-up
    }
    const says = (word: number) => (polled[word]! >> 16 & POLLIN) !== 0;
    return [says(1), says(3), says(5)];
  }

  #read(index: 0 | 1): void {
    const buffer = new Uint8Array(PIECE);
    const got = sys(SYS.read, this.#fds[index], buffer, buffer.length);
    if (got === -ERRNO.EAGAIN || got === -ERRNO.EINTR) return;
    if (got <= 0) {
      this.#open[index] = false;
      return;
    }
    const bytes = buffer.subarray(0, got);
    this.#log.write(STREAMS[index], bytes);
    this.#held.push({ stream: index + 1, bytes });
    this.#size += got;
  }
}
