/**
 * Control groups version 1: one directory per controller.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciDeviceRule, OciMemory, OciResources } from "../oci/mod.ts";
import { ensureDirectory, readTextIfExists, writeFile } from "../program/mod.ts";
import {
  asksRare,
  type CgroupPath,
  checkUnused,
  directoryIn,
  type LayoutV1,
  type MadeCgroups,
  missingController,
  removeDirectories,
} from "./cgroup.ts";
import { type Setting, writeSettings } from "./cgroup_settings.ts";

/** What a container always gets: allow-list, accounting, and the means to stop all its processes. */
const ALWAYS = ["devices", "memory", "cpu", "cpuacct", "pids", "freezer"] as const;

/** The files to write in one controller's directory, in order. */
export interface ControllerSettings {
  readonly controller: string;
  readonly files: readonly Setting[];
}

/**
 * The settings of all controllers that a container uses: pure, so that it can be tested anywhere.
 *
 * @throws {CtrError} `invalid_argument` for what no kernel takes
 */
export async function settingsV1(
  resources: OciResources = {},
): Promise<readonly ControllerSettings[]> {
  const settings = new Map<string, Setting[]>(ALWAYS.map((name) => [name, []]));
  const set = (controller: string, ...setting: Setting) => {
    const files = settings.get(controller);
    if (files === undefined) settings.set(controller, [setting]);
    else files.push(setting);
  };
  const { devices = [], memory, cpu = {}, pids } = resources;
  for (const rule of devices) {
    set("devices", rule.allow ? "devices.allow" : "devices.deny", deviceLine(rule));
  }
  if (memory !== undefined) memorySettings(memory, (...setting) => set("memory", ...setting));
  if (cpu.shares) set("cpu", "cpu.shares", String(checkedShares(cpu.shares)));
  if (cpu.period) set("cpu", "cpu.cfs_period_us", String(cpu.period));
  if (cpu.quota) set("cpu", "cpu.cfs_quota_us", String(cpu.quota));
  if (pids?.limit) set("pids", "pids.max", pids.limit < 0 ? "max" : String(pids.limit));
  if (asksRare(resources)) (await import("./cgroup_v1_rare.ts")).rareSettingsV1(resources, set);
  return [...settings].map(([controller, files]) => ({ controller, files }));
}

function memorySettings(memory: OciMemory, set: (...setting: Setting) => void): void {
  const { limit, swap, reservation } = memory;
  if (limit) set("memory.limit_in_bytes", String(limit));
  if (swap) {
    // Twice the memory is what Docker sets when nobody asked: no reason to fail without swap accounting.
    const byDefault = swap === 2 * (limit ?? 0);
    set("memory.memsw.limit_in_bytes", String(swap), ...byDefault ? ["ignore"] as const : []);
  } else if (limit === -1) {
    // As in runc: without a limit of memory, none of memory and swap together either.
    set("memory.memsw.limit_in_bytes", "-1", "ignore");
  }
  if (reservation) set("memory.soft_limit_in_bytes", String(reservation));
}

/** The kernel would take another number, and say nothing. */
function checkedShares(shares: number): number {
  const [least, most] = [2, 262144];
  if (shares >= least && shares <= most) return shares;
  throw new CtrError({
    code: "invalid_argument",
    operation: "limit",
    subject: "cpu.shares",
    reason: shares < least
      ? `the minimum allowed cpu-shares is ${least}`
      : `the maximum allowed cpu-shares is ${most}`,
  });
}

export function deviceLine(rule: OciDeviceRule): string {
  const type = rule.type ?? "a";
  if (type === "a") return "a";
  const number = (value: number | undefined) => value === undefined || value < 0 ? "*" : value;
  return `${type} ${number(rule.major)}:${number(rule.minor)} ${rule.access ?? "rwm"}`;
}

/**
 * Make the cgroups and set their limits. On failure nothing of it stays.
 *
 * @param path `/ctr/ID`
 * @param options.occupied processes may be in it already
 * @param options.everyHierarchy also in those that the limits do not need
 * @param options.later version 1 is left to the `rest` of what is returned: who does not do without
 * any of these cgroups may clone a process before they are there, which enters them after that
 * @throws {CtrError} `failed_precondition` when a limit is asked for whose controller is missing,
 * `already_exists` when the cgroup is in use
 */
export async function makeV1(
  layout: LayoutV1,
  path: CgroupPath,
  resources: OciResources = {},
  { occupied = false, everyHierarchy = false, later = false } = {},
): Promise<MadeCgroups> {
  const { v1, v2 } = divide(layout, resources);
  const settings = [...await settingsV1(v1)];
  if (everyHierarchy) {
    const used = new Set(settings.map(({ controller }) => controller));
    for (const controller of layout.controllers.keys()) {
      if (!used.has(controller)) settings.push({ controller, files: [] });
    }
  }
  const places = placesOf(layout, path, settings);
  const made: string[] = [];
  let entered = places;
  let fd: number | undefined;
  const rest = async () => {
    entered = await makeDirectories(places, { made, occupied });
  };
  try {
    if (!later) await rest();
    const root = layout.unified;
    if (root !== undefined && (everyHierarchy || Object.keys(v2).length > 0)) {
      const { makeV2 } = await import("./cgroup_v2.ts");
      const there = await makeV2({ version: 2, root }, path, v2, { occupied, always: [] });
      made.push(...there.made);
      fd = there.fd;
    }
  } catch (error) {
    removeDirectories(made);
    throw error;
  }
  return {
    made,
    fd,
    entered: entered.map(({ directory }) => directory),
    mounts: entered.map(({ mount, directory }) => ({
      source: directory,
      name: mount.slice(mount.lastIndexOf("/") + 1),
    })),
    ...later ? { rest } : {},
  };
}

/** A container's directory in one hierarchy, with its limits. */
interface Place {
  readonly mount: string;
  readonly directory: string;
  readonly controllers: string[];
  readonly files: Setting[];
  /** But for rules about devices, nothing was asked for. */
  unlimited: boolean;
}

/** Controllers that are mounted together (cpu,cpuacct) have one directory. */
function placesOf(
  layout: LayoutV1,
  path: CgroupPath,
  settings: readonly ControllerSettings[],
): Place[] {
  const places = new Map<string, Place>();
  for (const { controller, files } of settings) {
    const mount = layout.controllers.get(controller);
    const directory = mount === undefined ? undefined : directoryIn(mount, path);
    const unlimited = controller === "devices" || files.length === 0;
    if (mount === undefined || directory === undefined) {
      if (unlimited) continue;
      missingController(files[0]![0], controller);
    }
    const there = places.get(directory);
    if (there === undefined) {
      const controllers = [controller];
      places.set(directory, { mount, directory, controllers, files: [...files], unlimited });
    } else {
      there.controllers.push(controller);
      there.files.push(...files);
      there.unlimited &&= unlimited;
    }
  }
  return [...places.values()];
}

/** @returns those that a process enters */
async function makeDirectories(
  places: readonly Place[],
  { made, occupied }: { readonly made: string[]; readonly occupied: boolean },
): Promise<Place[]> {
  const entered: Place[] = [];
  for (const place of places) {
    const { mount, directory, controllers, files } = place;
    try {
      if (!ensureDirectory(directory)) made.push(directory);
      else if (!occupied) checkUnused(directory);
    } catch (error) {
      const { doesWithout } = await import("./cgroup_rootless.ts");
      if (place.unlimited && doesWithout(error)) continue;
      throw error;
    }
    entered.push(place);
    if (controllers.includes("cpuset")) inheritCpuset(mount, directory.slice(mount.length));
    writeSettings([{ directory, files }]);
  }
  return entered;
}

/** On a hybrid host a controller is in one of the versions; these may be in the second. */
export function divide(
  layout: LayoutV1,
  resources: OciResources,
): { readonly v1: OciResources; readonly v2: OciResources } {
  const { hugepageLimits = [], rdma = {}, ...rest } = resources;
  const moved = (controller: string, asked: number) =>
    asked > 0 && layout.unified !== undefined && !layout.controllers.has(controller);
  const huge = moved("hugetlb", hugepageLimits.length);
  const direct = moved("rdma", Object.keys(rdma).length);
  if (!huge && !direct) return { v1: resources, v2: {} };
  return {
    v1: { ...rest, ...huge ? {} : { hugepageLimits }, ...direct ? {} : { rdma } },
    v2: { ...huge ? { hugepageLimits } : {}, ...direct ? { rdma } : {} },
  };
}

/** A new cpuset is empty, and an empty one takes no process: copy the nearest set values down. */
export function inheritCpuset(mount: string, path: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    let directory = mount;
    let value = readTextIfExists(`${directory}/${file}`)?.trim() ?? "";
    for (const part of path.split("/").slice(1)) {
      directory += `/${part}`;
      const own = readTextIfExists(`${directory}/${file}`)?.trim() ?? "";
      if (own !== "") value = own;
      else writeFile(`${directory}/${file}`, value);
    }
  }
}
