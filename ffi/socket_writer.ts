/**
 * The write side of a socket whose runtime sends what fits and calls back when there is room again.
 *
 * @module
 */

/** Keeps what did not fit, in order, and finishes with a half-close. */
export class SocketWriter {
  #queue: Uint8Array[] = [];
  #waiting: (() => void)[] = [];
  #ending = false;
  #gone = false;
  readonly #send: (bytes: Uint8Array) => number;
  readonly #shutdown: () => void;

  /** `send` returns how many bytes it took, below 0 when the socket is gone. */
  constructor(send: (bytes: Uint8Array) => number, shutdown: () => void) {
    this.#send = send;
    this.#shutdown = shutdown;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#gone || this.#ending) return undefined;
    if (this.#queue.length === 0) {
      const sent = this.#send(bytes);
      if (sent < 0 || sent >= bytes.length) return undefined;
      bytes = bytes.subarray(sent);
    }
    this.#queue.push(bytes.slice());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    if (this.#gone || this.#ending) return;
    this.#ending = true;
    if (this.#queue.length === 0) this.#shutdown();
  }

  /** There is room again. */
  drain(): void {
    while (this.#queue.length > 0) {
      const bytes = this.#queue[0]!;
      const sent = this.#send(bytes);
      if (sent < 0) return;
      if (sent < bytes.length) {
        this.#queue[0] = bytes.subarray(sent);
        return;
      }
      this.#queue.shift();
    }
    this.#release();
    if (this.#ending) this.#shutdown();
  }

  /** The socket is closed: forget the queue, let the writers go on. */
  abandon(): void {
    this.#gone = true;
    this.#queue = [];
    this.#release();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
