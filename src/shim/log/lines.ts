/**
 * Cuts output into lines of bytes, for logs that keep lines.
 *
 * @module
 */

const NEWLINE = 10;
/** Longer lines come in several. */
const MAX_LINE = 16 << 10;

/** The lines of one stream. */
export class ByteLines {
  #held: Uint8Array = new Uint8Array(0);

  /** The lines that this chunk completes, without their newlines. */
  push(chunk: Uint8Array): Uint8Array[] {
    const bytes = new Uint8Array(this.#held.length + chunk.length);
    bytes.set(this.#held);
    bytes.set(chunk, this.#held.length);
    const lines: Uint8Array[] = [];
    let at = 0;
    while (true) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline;
      if (end - at > MAX_LINE) {
        lines.push(bytes.subarray(at, at + MAX_LINE));
        at += MAX_LINE;
      } else if (newline < 0) break;
      else {
        lines.push(bytes.subarray(at, newline));
        at = newline + 1;
      }
    }
    this.#held = bytes.slice(at);
    return lines;
  }

  /** What is left when the stream ends. */
  end(): Uint8Array[] {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return held.length === 0 ? [] : [held];
  }
}
