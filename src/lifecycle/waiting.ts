/**
 * Waits for processes that are not children of this one.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO } from "../linux/mod.ts";
import { close, SYS } from "../program/mod.ts";

/**
 * Block until a process has ended, at most so long.
 *
 * @param timeoutMs negative: for ever
 * @returns false when it goes on
 */
export function waitForEnd(pid: number, timeoutMs: number): boolean {
  const pidfd = sys(SYS.pidfd_open, pid, 0);
  if (pidfd < 0) return true;
  try {
    return readable(pidfd, timeoutMs);
  } finally {
    close(pidfd);
  }
}

/**
 * Block until the process behind a gate has closed it, as it does by executing its program, or ending.
 *
 * @param gate the writing end: one without a reader is in error, which is what poll(2) tells
 */
export function waitForExec(gate: number, timeoutMs: number): boolean {
  return readable(gate, timeoutMs);
}

function readable(fd: number, timeoutMs: number): boolean {
  const POLLIN = 1;
  const poll = new Uint8Array(new Int32Array([fd, POLLIN]).buffer);
  const until = performance.now() + timeoutMs;
  while (true) {
    const left = Math.max(0, until - performance.now());
    const time = new BigInt64Array([
      BigInt(Math.floor(left / 1000)),
      BigInt(Math.floor((left % 1000) * 1e6)),
    ]);
    const timeout = timeoutMs < 0 ? 0 : new Uint8Array(time.buffer);
    const result = sys(SYS.ppoll, poll, 1, timeout, 0, 0);
    if (result !== -ERRNO.EINTR) return result > 0;
  }
}
