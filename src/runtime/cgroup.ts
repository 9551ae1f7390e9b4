/**
 * Where cgroups are on this host, and the choice between the two versions.
 *
 * A hybrid host mounts v1 controllers and an empty v2 hierarchy: the v1 controllers are what counts.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciResources, OciSpec } from "../oci/mod.ts";
import { readText, readTextIfExists, rmdir } from "../program/mod.ts";

/** Version 2 alone, at one place. */
export interface LayoutV2 {
  readonly version: 2;
  readonly root: string;
}

/** Version 1, perhaps with version 2 beside it. */
export interface LayoutV1 {
  readonly version: 1;
  /** Places by controller; a hierarchy without one is there by its name, `name=systemd`. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Where version 2 is, with the controllers that version 1 left to it. */
  readonly unified?: string;
}

/** The hierarchies of a host: v2 at one place, or v1 at one place per controller. */
export type CgroupLayout = LayoutV1 | LayoutV2;

/**
 * Where a container's cgroups are below their hierarchies: `/ctr/ID` in each of them, or by the place
 * of the hierarchy, for a container in a cgroup that is not the same in all. Can be kept as JSON.
 */
export type CgroupPath = string | Readonly<Record<string, string>>;

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
  "misc",
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
        const counts = V1_CONTROLLERS.has(option) || option.startsWith("name=");
        if (counts && !controllers.has(option)) controllers.set(option, place);
      }
    }
  }
  const names = [...controllers.keys()];
  if (names.some((name) => V1_CONTROLLERS.has(name)) || (names.length > 0 && !unified)) {
    return { version: 1, controllers, ...unified === undefined ? {} : { unified } };
  }
  return { version: 2, root: unified ?? "/sys/fs/cgroup" };
}

let known: CgroupLayout | undefined;

/** The layout of this host; read once. */
export function cgroupLayout(): CgroupLayout {
  known ??= parseCgroupLayout(readText("/proc/self/mountinfo"));
  return known;
}

/** The places of all hierarchies. */
export function hierarchies(layout: CgroupLayout): string[] {
  if (layout.version === 2) return [layout.root];
  const places = new Set(layout.controllers.values());
  if (layout.unified !== undefined) places.add(layout.unified);
  return [...places];
}

/** A container's directory in the hierarchy at a place; undefined where it has none. */
export function directoryIn(place: string, path: CgroupPath): string | undefined {
  const below = typeof path === "string" ? path : path[place];
  return below === undefined ? undefined : place + checkedCgroupPath(below);
}

/** A container's directories in all hierarchies, whether they exist or not. */
export function directoriesOf(layout: CgroupLayout, path: CgroupPath): string[] {
  return hierarchies(layout).map((place) => directoryIn(place, path))
    .filter((directory) => directory !== undefined);
}

/** `/ctr/ID` in a form that cannot leave its hierarchy. */
export function checkedCgroupPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length > 0 && !parts.includes("..")) return "/" + parts.join("/");
  throw new CtrError({
    code: "invalid_argument",
    operation: "use cgroup",
    subject: path,
    reason: "the path does not name a cgroup below the root",
  });
}

/** The cgroups of a new container. */
export interface MadeCgroups {
  /** What was not there before, in the order of making. */
  readonly made: readonly string[];
  /** The directory that the process is born into; the caller closes it (version 2). */
  readonly fd: number | undefined;
  /** Those that the process enters by itself (version 1). */
  readonly entered: readonly string[];
  /** What the container sees at `/sys/fs/cgroup`: host directory, and name below. */
  readonly mounts: readonly { readonly source: string; readonly name: string }[];
  /** Makes those that are not there yet, and adds them to `made`; absent: all are there. */
  readonly rest?: () => Promise<void>;
}

/** Whether a container has a limit that few have: those are in modules of their own. */
export function asksRare(resources: OciResources): boolean {
  const { memory = {}, cpu = {}, network, rdma, hugepageLimits, blockIO, unified } = resources;
  return [network, rdma, hugepageLimits, blockIO, unified, memory.swappiness, memory.kernelTCP]
    .some((value) => value !== undefined) ||
    memory.disableOOMKiller === true ||
    [cpu.cpus, cpu.mems, cpu.burst, cpu.idle, cpu.realtimePeriod, cpu.realtimeRuntime]
      .some((value) => value !== undefined);
}

/** Whether a container may divide its cgroup: it sees nothing above, and can write to it. */
export function mayDivide({ mounts = [], linux: { namespaces = [] } = {} }: OciSpec): boolean {
  return namespaces.some(({ type, path }) => type === "cgroup" && !path) &&
    mounts.some(({ type = "", options = [] }) =>
      /^cgroup2?$/.test(type) && !options.includes("ro")
    );
}

/** Remove directories as far as they can be; for when something else has failed already. */
export function removeDirectories(directories: readonly string[]): void {
  for (const directory of [...directories].reverse()) {
    try {
      rmdir(directory);
    } catch {
      // Busy: `destroy` waits for it.
    }
  }
}

/**
 * A cgroup that is there already may be left over, but not in use: its limits are another's.
 *
 * @throws {CtrError} `already_exists`
 */
export function checkUnused(directory: string): void {
  const pids = (readTextIfExists(`${directory}/cgroup.procs`) ?? "").trim();
  if (pids === "") return;
  throw new CtrError({
    code: "already_exists",
    operation: "create cgroup",
    subject: directory,
    reason: `there are processes in it: ${pids.split("\n").slice(0, 5).join(", ")}`,
  });
}

/** @throws always: a limit that this host cannot keep */
export function missingController(file: string, controller: string): never {
  throw new CtrError({
    code: "failed_precondition",
    operation: "limit",
    subject: file,
    reason: `this host has no ${controller} controller`,
  });
}
