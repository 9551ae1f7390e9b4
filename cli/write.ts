/**
 * Writes to stdout and stderr.
 *
 * @module
 */

import { sys } from "../ffi/mod.ts";
import { SYS } from "../src/program/mod.ts";

const encoder = new TextEncoder();

/** Write everything, also to a pipe that is full for a while. A reader that left ends us quietly. */
export function writeTo(fd: number, text: string | Uint8Array): void {
  const [EINTR, EAGAIN, EPIPE] = [-4, -11, -32];
  let bytes = typeof text === "string" ? encoder.encode(text) : text;
  while (bytes.length > 0) {
    const wrote = sys(SYS.write, fd, bytes, bytes.length);
    if (wrote >= 0) bytes = bytes.subarray(wrote);
    else if (wrote === EAGAIN) {
      const POLLOUT = 4;
      const poll = new Uint8Array(new Int32Array([fd, POLLOUT]).buffer);
      sys(SYS.ppoll, poll, 1, 0, 0, 0);
    } else if (wrote === EPIPE) process.exit(141);
    else if (wrote !== EINTR) return; // there is nowhere to complain
  }
}
