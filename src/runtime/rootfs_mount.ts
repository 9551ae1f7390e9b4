/**
 * Mounts a container's root file system in this process's own mount namespace, for callers who look for
 * it in the bundle while the container lives, and unmount it.
 *
 * @module
 */

import { close, ProgramBuilder, spawn, toError, waitFor } from "../program/mod.ts";
import { rootfsSteps } from "./mount_steps.ts";
import type { RootfsMount } from "./types.ts";

/**
 * Mount it. A child does that, which keeps nothing open.
 *
 * @throws {SyscallError} for the mount that failed; those before it stay
 */
export function mountRootfs(place: string, mounts: readonly RootfsMount[]): void {
  if (mounts.length === 0) return;
  const p = new ProgramBuilder("mount rootfs");
  rootfsSteps(p, place, mounts);
  const child = spawn(p);
  waitFor(child.pid, { block: true });
  close(child.pidfd);
  const failure = child.failure();
  child.free();
  if (failure !== undefined) throw toError(failure, { operation: "mount rootfs" });
}
