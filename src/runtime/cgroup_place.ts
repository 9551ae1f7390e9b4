/**
 * Looks at the cgroups of a container that somebody else made.
 *
 * @module
 */

import { exists, readTextIfExists } from "../program/mod.ts";
import {
  type CgroupLayout,
  cgroupLayout,
  type CgroupPath,
  directoriesOf,
  directoryIn,
} from "./cgroup.ts";

/** The directories of a cgroup that are there, one per hierarchy. */
export function cgroupDirectoriesAt(
  path: CgroupPath,
  layout: CgroupLayout = cgroupLayout(),
): string[] {
  return directoriesOf(layout, path).filter(exists);
}

/** Whether the processes of a cgroup were stopped; not whether those around it were, and so these. */
export function frozenAt(path: CgroupPath, layout: CgroupLayout = cgroupLayout()): boolean {
  const root = layout.version === 2 ? layout.root : layout.controllers.get("freezer");
  if (root === undefined) return false;
  const file = layout.version === 2 ? "cgroup.freeze" : "freezer.self_freezing";
  return readTextIfExists(`${directoryIn(root, path)}/${file}`)?.trim() === "1";
}
