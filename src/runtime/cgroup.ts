/**
 * Where cgroups are on this host, and the choice between the two versions.
 *
 * A hybrid host mounts v1 controllers and an empty v2 hierarchy: the v1 controllers are what counts.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 * @module
 */

import { readText } from "../program/mod.ts";

/** The hierarchies of a host: v2 at one place, or v1 at one place per controller. */
export type CgroupLayout =
  | { readonly version: 2; readonly root: string }
  | { readonly version: 1; readonly controllers: ReadonlyMap<string, string> };

/** The v1 controllers that exist. Other mount options of a cgroup file system are not controllers. */
const V1_CONTROLLERS: ReadonlySet<string> = new Set([
  "blkio",
  "cpu",
  "cpuacct",
  "cpuset",
  "devices",
  "freezer",
  "hugetlb",
  "memory",
  "net_cls",
  "net_prio",
  "perf_event",
  "pids",
  "rdma",
]);

/** Read the layout from the text of `/proc/self/mountinfo`. */
export function parseCgroupLayout(mountinfo: string): CgroupLayout {
  const controllers = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const dash = line.indexOf(" - cgroup");
    if (dash < 0) continue;
    const place = line.split(" ", 5)[4]!;
    const [type, , options] = line.slice(dash + 3).split(" ");
    if (type === "cgroup2") unified ??= place;
    else {
      for (const option of options!.split(",")) {
        if (V1_CONTROLLERS.has(option) && !controllers.has(option)) controllers.set(option, place);
      }
    }
  }
  if (controllers.size > 0) return { version: 1, controllers };
  return { version: 2, root: unified ?? "/sys/fs/cgroup" };
}

let known: CgroupLayout | undefined;

/** The layout of this host; read once. */
export function cgroupLayout(): CgroupLayout {
  known ??= parseCgroupLayout(readText("/proc/self/mountinfo"));
  return known;
}

/** `/ctr/ID` in a form that cannot leave its hierarchy. */
export function checkedCgroupPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.includes("..")) {
    throw new RangeError(`cgroup path ${JSON.stringify(path)} does not name a cgroup`);
  }
  return "/" + parts.join("/");
}
