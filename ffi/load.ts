/**
 * What both adapters share when they load the trampoline: where libc is, and the shared object
 * that goes from memory to the dynamic loader.
 *
 * @module
 */

import { TRAMPOLINE } from "./trampoline/code.ts";

/** An architecture in the kernel's words. */
export type Arch = "x86_64" | "aarch64";

/** The shared object that holds the trampoline of this architecture. */
export function trampolineObject(arch: Arch): Uint8Array<ArrayBuffer> {
  return (Uint8Array as unknown as { fromBase64(text: string): Uint8Array<ArrayBuffer> })
    .fromBase64(TRAMPOLINE[arch]);
}

/**
 * Open libc, which is needed only to make the memfd: glibc's name first, then musl's as Alpine and
 * other distributions have it.
 *
 * @throws {Error} when none of them opens
 */
export function openLibc<T>(arch: Arch, open: (name: string) => T): T {
  let failure: unknown;
  for (
    const name of ["libc.so.6", `libc.musl-${arch}.so.1`, `/lib/ld-musl-${arch}.so.1`, "libc.so"]
  ) {
    try {
      return open(name);
    } catch (error) {
      failure = error;
    }
  }
  throw new Error("cannot load libc: neither glibc's nor musl's name opens", { cause: failure });
}

/** What the memfd is called in `/proc/PID/maps`: "ctr". */
export const MEMFD_NAME: Uint8Array = new Uint8Array([99, 116, 114, 0]);
export const MFD_CLOEXEC = 1;

/** The few system calls that the adapters make themselves. */
export const NUMBERS = {
  x86_64: { close: 3, sendto: 44, fcntl: 72, memfdCreate: 319 },
  aarch64: { close: 57, sendto: 206, fcntl: 25, memfdCreate: 279 },
} as const;
