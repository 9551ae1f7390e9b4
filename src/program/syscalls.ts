/**
 * The system call numbers of this machine.
 *
 * @module
 */

import { arch } from "../../ffi/mod.ts";
import { O_BY_ARCH, SYSCALLS_AARCH64, SYSCALLS_X86_64 } from "../linux/mod.ts";

/** A call that both architectures have: the older path-based ones are missing on aarch64. */
export type SyscallName = keyof typeof SYSCALLS_X86_64 & keyof typeof SYSCALLS_AARCH64;

/** Numbers by name for the running architecture. */
export const SYS: Readonly<Record<SyscallName, number>> = arch === "x86_64"
  ? SYSCALLS_X86_64
  : SYSCALLS_AARCH64;

/** The open(2) flags whose values depend on the architecture. */
export const O_ARCH: Readonly<Record<keyof typeof O_BY_ARCH["x86_64"], number>> = O_BY_ARCH[arch];
