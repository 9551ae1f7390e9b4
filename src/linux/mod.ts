/**
 * The kernel's vocabulary: numbers and names, no I/O.
 *
 * @example
 * ```ts
 * import { SYSCALLS_X86_64, errnoName } from "./src/linux/mod.ts";
 * SYSCALLS_X86_64.clone3; // 435
 * errnoName(2); // "ENOENT"
 * ```
 *
 * @module
 */

export { CAPABILITIES, capabilityWords } from "./capabilities.ts";
export { ERRNO, type ErrnoName, errnoName } from "./errno.ts";
export {
  AT,
  CLONE,
  F,
  MNT_DETACH,
  MOUNT_ATTR,
  MS,
  O,
  O_BY_ARCH,
  PR,
  RESOLVE,
  S,
  TTY,
} from "./flags.ts";
export { mapsAllIds } from "./id_map.ts";
export { RLIMITS } from "./rlimits.ts";
export { parseSignal, SIGNALS } from "./signals.ts";
export { SYSCALLS_AARCH64 } from "./syscalls_aarch64.ts";
export { SYSCALLS_X86_64 } from "./syscalls_x86_64.ts";
