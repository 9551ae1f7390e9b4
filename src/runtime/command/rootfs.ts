/**
 * The root file system for a runtime that finds it mounted. It is mounted in a mount namespace of the
 * `create` command alone: the container's is a copy of that, so nobody has to unmount anything, not
 * even after a crash.
 *
 * @module
 */

import { CLONE, MS } from "../../linux/mod.ts";
import { type ProgramBuilder, readText } from "../../program/mod.ts";
import { mountOf } from "../facts.ts";
import { rootfsSteps } from "../mount_steps.ts";
import type { CreateOptions } from "../types.ts";

/** The steps that mount it where the bundle's `config.json` says. */
export function privateRootfsSteps(
  p: ProgramBuilder,
  { bundle, spec, rootfs }: Pick<CreateOptions, "bundle" | "spec" | "rootfs">,
): void {
  const path = spec.root?.path ?? "rootfs";
  const place = path.startsWith("/") ? path : `${bundle}/${path}`;
  p.step("unshare", [CLONE.CLONE_NEWNS], { name: "unshare mount namespace" });
  const name = "keep mounts off the host";
  if (/^r?shared$/.test(spec.linux?.rootfsPropagation ?? "")) {
    // What the container shares with the host stays shared, but for the mount that the rootfs is in.
    const parent = mountOf(place, readText("/proc/self/mountinfo"));
    p.step("mount", [0, parent, 0, MS.MS_PRIVATE, 0], { name, subject: parent });
  } else p.step("mount", [0, "/", 0, MS.MS_SLAVE | MS.MS_REC, 0], { name, subject: "/" });
  rootfsSteps(p, place, rootfs);
}
