/**
 * What is on its way into a pipe or terminal that may be full: a process's stdin, mostly.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO } from "../linux/mod.ts";
import { close, SYS } from "../program/mod.ts";

/** More than this is not taken in from clients. */
const HIGH = 1 << 20;
const MAX_RETRY_MS = 50;
/** ^D: a terminal has no end of file of its own. */
const END_OF_TRANSMISSION = Uint8Array.of(4);

/** A write end, which it owns. */
export class StdinQueue {
  #fd: number | undefined;
  readonly #terminal: boolean;
  readonly #onFull: (full: boolean) => void;
  readonly #onClose: () => void;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #full = false;
  #ending = false;
  #retryMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param fd does not block
   * @param onFull called when so much is queued that writers should pause, and when they may go on
   * @param onClose called when all was written that could be
   */
  constructor(
    fd: number,
    terminal: boolean,
    onFull: (full: boolean) => void,
    onClose: () => void = () => {},
  ) {
    this.#fd = fd;
    this.#terminal = terminal;
    this.#onFull = onFull;
    this.#onClose = onClose;
  }

  /** The descriptor, while it is open. */
  get fd(): number | undefined {
    return this.#fd;
  }

  write(data: Uint8Array): void {
    if (this.#fd === undefined || this.#ending) return;
    this.#queue.push(data.slice());
    this.#queued += data.length;
    if (this.#queue.length === 1) this.#flush();
    else this.#report();
  }

  /** The process reads end of file once it has read the rest. */
  end(): void {
    if (this.#terminal) return this.write(END_OF_TRANSMISSION);
    this.#ending = true;
    if (this.#queue.length === 0) this.close();
  }

  /** Forget what is queued. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#fd === undefined) return;
    close(this.#fd);
    this.#fd = undefined;
    this.#queue = [];
    this.#queued = 0;
    this.#report();
    this.#onClose();
  }

  #flush(): void {
    while (this.#queue.length > 0 && this.#fd !== undefined) {
      const bytes = this.#queue[0]!;
      const wrote = sys(SYS.write, this.#fd, bytes, bytes.length);
      if (wrote === -ERRNO.EAGAIN) {
        // Full, and neither runtime tells when a pipe has room again.
        this.#retryMs = Math.min(Math.max(1, this.#retryMs * 2), MAX_RETRY_MS);
        this.#timer = setTimeout(() => this.#flush(), this.#retryMs);
        break;
      }
      if (wrote === -ERRNO.EINTR) continue;
      if (wrote < 0) return this.close(); // EPIPE: nobody reads any more
      this.#retryMs = 0;
      this.#queued -= wrote;
      if (wrote < bytes.length) this.#queue[0] = bytes.subarray(wrote);
      else this.#queue.shift();
    }
    this.#report();
    if (this.#ending && this.#queue.length === 0) this.close();
  }

  #report(): void {
    const full = this.#queued > HIGH;
    if (full === this.#full) return;
    this.#full = full;
    this.#onFull(full);
  }
}
