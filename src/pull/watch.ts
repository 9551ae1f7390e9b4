/**
 * Whether the other side still sends.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";

/** The clock of one request. Less than a kilobyte in a second is as good as nothing. */
export class Watch {
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  readonly #least: number;
  #paused = false;
  #came = 0;

  /** @param late what went wrong when so little comes in so long; `true` for nothing at all */
  constructor(timeoutMs: number, late: (nothing: boolean) => Error) {
    this.#least = timeoutMs;
    this.#timer = setTimeout(() => {
      if (this.#paused) this.#timer.refresh();
      else this.#stop.abort(late(this.#came === 0));
    }, timeoutMs);
  }

  /** Aborted when it is too late. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Nobody waits any more. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** What comes. While somebody works on a piece of it, nobody asks for more. */
  async *incoming(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body) {
        this.#came += chunk.length;
        this.#paused = true;
        yield chunk;
        this.#paused = false;
        if (this.#came < this.#least) continue;
        this.#came = 0;
        this.#timer.refresh();
      }
    } catch (error) {
      throw this.signal.aborted ? this.signal.reason : error;
    } finally {
      this.end();
    }
  }

  /** What goes: each piece that is taken is a sign of life, and no answer comes before its end. */
  async *outgoing(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#timer.refresh();
      yield chunk;
    }
  }
}
