/**
 * The steps that make a container's root file system its `/`.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { AT, ERRNO, MNT_DETACH, MS, O } from "../linux/mod.ts";
import type { OciSpec } from "../oci/mod.ts";
import type { ProgramBuilder, Ref } from "../program/mod.ts";
import type { HostFacts } from "./compile_types.ts";
import { type Check, protectionError } from "./protect_steps.ts";

/**
 * How the host's tree goes out of sight: `pivot` takes it away, `move` covers it, which works on a
 * kernel's first file system too, and `chroot` leaves it in the mount namespace, which is the host's.
 */
export type RootEntry = "pivot" | "move" | "chroot";

const PROPAGATION: Readonly<Record<string, number>> = {
  shared: MS.MS_SHARED,
  private: MS.MS_PRIVATE,
  slave: MS.MS_SLAVE,
  unbindable: MS.MS_UNBINDABLE,
};

/** `linux.rootfsPropagation` as a flag of mount(2); 0: nothing is said. */
function propagationFlag(name = ""): number {
  if (name === "") return 0;
  const word = PROPAGATION[name.replace(/^r/, "")];
  if (word === undefined) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "start",
      reason: `there is no propagation ${JSON.stringify(name)}`,
    });
  }
  return name.startsWith("r") ? word | MS.MS_REC : word;
}

/** Make that no mount of the container appears on the host. */
export function separateSteps(
  p: ProgramBuilder,
  { linux = {} }: OciSpec,
  { parentMount }: HostFacts,
): void {
  const said = propagationFlag(linux.rootfsPropagation);
  // What cannot be bound could not become the root.
  const flag = said === 0 || said & MS.MS_UNBINDABLE ? MS.MS_SLAVE | MS.MS_REC : said;
  p.step("mount", [0, "/", 0, flag, 0], { name: "set propagation of the root" });
  if (parentMount === undefined) return;
  p.step("mount", [0, parentMount, 0, MS.MS_PRIVATE, 0], {
    name: "make the mount of the rootfs private",
    subject: parentMount,
  });
}

/** The propagation of the container's root and, where it begins with "r", of all its mounts. */
export function rootPropagationSteps(p: ProgramBuilder, { linux = {} }: OciSpec): void {
  const flag = propagationFlag(linux.rootfsPropagation);
  if (flag === 0 || flag & MS.MS_PRIVATE) return; // they are
  p.step("mount", [0, "/", 0, flag, 0], { name: "set propagation of the container's root" });
}

/** Make the root the process's own `/`. */
export function enterRootSteps(
  p: ProgramBuilder,
  root: Ref,
  how: RootEntry,
  { kernelMounts = [] }: HostFacts,
): Check[] {
  if (how === "pivot") {
    pivotSteps(p, root);
    return [];
  }
  const checks = how === "move" ? hideKernelSteps(p, kernelMounts) : [];
  if (how === "move") {
    p.step("fchdir", [root]);
    p.step("mount", [".", "/", 0, MS.MS_MOVE, 0], { name: "move the root" });
  }
  chrootSteps(p, root);
  return checks;
}

/** Make a directory `/` for this process alone. */
export function chrootSteps(p: ProgramBuilder, root: Ref): void {
  p.step("fchdir", [root]);
  p.step("chroot", ["."]);
  p.step("chdir", ["/"]);
}

/** With nothing of the host's tree reachable. */
function pivotSteps(p: ProgramBuilder, root: Ref): void {
  const host = p.step("openat", [AT.AT_FDCWD, "/", O.O_PATH | O.O_CLOEXEC, 0]);
  p.step("fchdir", [root]);
  p.step("pivot_root", [".", "."]);
  p.step("fchdir", [host]);
  // If mounts are shared, the end of the host's root here must not be its end there.
  p.step("mount", [0, ".", 0, MS.MS_SLAVE | MS.MS_REC, 0], { name: "separate from the host" });
  p.step("umount2", [".", MNT_DETACH], { name: "detach the host's root" });
  p.step("chdir", ["/"]);
}

/**
 * Take away the host's procfs and sysfs: covered by a moved root they would still allow a new one,
 * without the masks of the container's. Where that is refused they are covered.
 */
function hideKernelSteps(p: ProgramBuilder, places: readonly string[]): Check[] {
  return places.map((subject) => {
    const about = { name: "hide", subject, mayFail: true };
    p.step("mount", [0, subject, 0, MS.MS_SLAVE | MS.MS_REC, 0], about);
    const gone = p.step("umount2", [subject, MNT_DETACH], about);
    const covered = p.step("mount", ["tmpfs", subject, "tmpfs", 0, 0], about);
    return (result) => {
      const results = [result(gone), result(covered)];
      // It is not there where what it was in has gone before it.
      if (results.includes(0) || results[0] === -ERRNO.ENOENT) return;
      throw protectionError("hide", subject, results[1]!);
    };
  });
}
