/**
 * The gate between `create` and `start`: a FIFO that the container's process has open to read and to
 * write, so that it waits for a byte and never for somebody to open the other end.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, O, S } from "../linux/mod.ts";
import { call, open, SYS } from "../program/mod.ts";

const encoder = new TextEncoder();

const pathOf = (directory: string) => encoder.encode(`${directory}/gate\0`);

/** Make it and open it for the process that will wait there. @returns a descriptor, the caller's */
export function makeGate(directory: string): number {
  const path = `${directory}/gate`;
  call("mknodat", path, AT.AT_FDCWD, pathOf(directory), S.S_IFIFO | 0o600, 0);
  return open(path, O.O_RDWR);
}

/** The other side of the gate; undefined when nobody waits. @returns a descriptor, the caller's */
export function reachGate(directory: string): number | undefined {
  const flags = O.O_WRONLY | O.O_NONBLOCK | O.O_CLOEXEC;
  const fd = sys(SYS.openat, AT.AT_FDCWD, pathOf(directory), flags, 0);
  return fd < 0 ? undefined : fd;
}

/** Let the process that waits go on. */
export function openGate(fd: number): void {
  call("write", "gate", fd, new Uint8Array([0x67]), 1);
}
