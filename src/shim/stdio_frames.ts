/**
 * Docker's framing of several streams over one connection: an 8-byte header (stream, three zero
 * bytes, length as u32 big endian) before each piece.
 *
 * @see https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container/operation/ContainerAttach
 * @module
 */

/** Streams by number. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

const HEADER = 8;
const MAX_LENGTH = 16 << 20;

/** A piece of a stream with its header. */
export function stdioFrame(stream: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + data.length);
  bytes[0] = stream;
  new DataView(bytes.buffer).setUint32(4, data.length);
  bytes.set(data, HEADER);
  return bytes;
}

/** Cuts incoming bytes into pieces. A piece may come in several parts: they are passed on at once. */
export class StdioReader {
  #header = new Uint8Array(HEADER);
  #headerLength = 0;
  #left = 0;

  /**
   * @param onPiece called with the stream and bytes; zero bytes when a frame of length zero came
   * @throws {RangeError} for a length that no client of ours sends
   */
  push(bytes: Uint8Array, onPiece: (stream: number, data: Uint8Array) => void): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#headerLength < HEADER) {
        const take = Math.min(HEADER - this.#headerLength, bytes.length - at);
        this.#header.set(bytes.subarray(at, at + take), this.#headerLength);
        this.#headerLength += take;
        at += take;
        if (this.#headerLength < HEADER) return;
        this.#left = new DataView(this.#header.buffer).getUint32(4);
        if (this.#left > MAX_LENGTH) throw new RangeError(`stdio frame of ${this.#left} bytes`);
        if (this.#left === 0) {
          this.#headerLength = 0;
          onPiece(this.#header[0]!, new Uint8Array(0));
        }
        continue;
      }
      const take = Math.min(this.#left, bytes.length - at);
      onPiece(this.#header[0]!, bytes.subarray(at, at + take));
      at += take;
      this.#left -= take;
      if (this.#left === 0) this.#headerLength = 0;
    }
  }
}
