/**
 * What both adapters share when they load the trampoline: where libc is, and the shared object
 * that goes from memory to the dynamic loader.
 *
 * @module
 */

import { SyscallError } from "../src/errors.ts";
import { errnoName } from "../src/linux/mod.ts";
import { PARAMETERS, TRAMPOLINE } from "./trampoline/code.ts";

/** An architecture in the kernel's words. */
export type Arch = "x86_64" | "aarch64";

/** The shared object that holds the trampoline of this architecture. */
export function trampolineObject(arch: Arch): Uint8Array<ArrayBuffer> {
  return (Uint8Array as unknown as { fromBase64(text: string): Uint8Array<ArrayBuffer> })
    .fromBase64(TRAMPOLINE[arch]);
}

/** The trampoline as a program: a copy of the object, and where in it its parameters belong. */
export function trampolineProgram(
  arch: Arch,
): { readonly object: Uint8Array<ArrayBuffer>; readonly parameters: number } {
  return { object: trampolineObject(arch), parameters: PARAMETERS[arch] };
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

/** Why a unix socket cannot be made at a path. */
export function listenError(path: string, errno: number): SyscallError {
  const args = [JSON.stringify(path)];
  return new SyscallError({
    operation: "listen at",
    subject: path,
    syscall: "bind",
    args,
    errno,
    errnoName: errnoName(errno),
  });
}

/** What the memfd is called in `/proc/PID/maps`: "ctr". */
export const MEMFD_NAME: Uint8Array = new Uint8Array([99, 116, 114, 0]);
export const MFD_CLOEXEC = 1;

/** The few system calls that the adapters make themselves. */
export const NUMBERS = {
  x86_64: {
    close: 3,
    socket: 41,
    sendto: 44,
    bind: 49,
    listen: 50,
    fcntl: 72,
    unlinkat: 263,
    fchmod: 91,
    umask: 95,
    memfdCreate: 319,
  },
  aarch64: {
    fcntl: 25,
    unlinkat: 35,
    fchmod: 52,
    close: 57,
    umask: 166,
    socket: 198,
    bind: 200,
    listen: 201,
    sendto: 206,
    memfdCreate: 279,
  },
} as const;
