/**
 * The steps that make a container's root file system its `/`.
 *
 * @module
 */

import { AT, MS, O } from "../linux/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";

/** Make the root the process's own `/`, with nothing of the host's tree reachable. */
export function pivotSteps(p: ProgramBuilder, root: Ref): void {
  const host = p.step("openat", [AT.AT_FDCWD, "/", O.O_PATH | O.O_CLOEXEC, 0]);
  p.step("fchdir", [root]);
  p.step("pivot_root", [".", "."]);
  p.step("fchdir", [host]);
  // If mounts are shared, the end of the host's root here must not be its end there.
  p.step("mount", [0, ".", 0, MS.MS_SLAVE | MS.MS_REC, 0], { name: "separate from the host" });
  p.step("umount2", [".", 2], { name: "detach the host's root" });
  p.step("chdir", ["/"]);
}
