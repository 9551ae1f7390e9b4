/**
 * Looks at the cgroups of a container that somebody else made.
 *
 * @module
 */

import { exists, readTextIfExists } from "../program/mod.ts";
import { type CgroupLayout, cgroupLayout, checkedCgroupPath } from "./cgroup.ts";

/** The directories of a cgroup that are there, one per hierarchy. */
export function cgroupDirectoriesAt(
  path: string,
  layout: CgroupLayout = cgroupLayout(),
): string[] {
  const roots = layout.version === 2 ? [layout.root] : [...new Set(layout.controllers.values())];
  return roots.map((root) => root + checkedCgroupPath(path)).filter(exists);
}

/** Whether the processes of a cgroup are stopped. */
export function frozenAt(path: string, layout: CgroupLayout = cgroupLayout()): boolean {
  const root = layout.version === 2 ? layout.root : layout.controllers.get("freezer");
  if (root === undefined) return false;
  const file = layout.version === 2 ? "cgroup.freeze" : "freezer.state";
  const text = readTextIfExists(`${root}${checkedCgroupPath(path)}/${file}`) ?? "";
  return layout.version === 2 ? text.trim() === "1" : /^FR/.test(text);
}
