/**
 * Control groups version 1: one directory per controller.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/
 * @module
 */

import type { OciDeviceRule, OciResources } from "../oci/mod.ts";
import { ensureDirectory, exists, readTextIfExists, writeFile } from "../program/mod.ts";
import {
  type CgroupLayout,
  checkUnused,
  type MadeCgroups,
  missingController,
  removeDirectories,
} from "./cgroup.ts";

/** What a container always gets: allow-list, accounting, and the means to stop all its processes. */
const ALWAYS = ["devices", "memory", "cpu", "cpuacct", "pids", "freezer"] as const;

/** The files to write in one controller's directory, in order. */
export interface ControllerSettings {
  readonly controller: string;
  readonly files: readonly (readonly [file: string, value: string])[];
}

/** The settings of all controllers that a container uses: pure, so that it can be tested anywhere. */
export function settingsV1(resources: OciResources = {}): readonly ControllerSettings[] {
  const settings = new Map<string, [string, string][]>(ALWAYS.map((name) => [name, []]));
  const set = (controller: string, file: string, value: number | string | undefined) => {
    if (value === undefined || value === 0) return;
    const files = settings.get(controller) ?? [];
    files.push([file, String(value)]);
    settings.set(controller, files);
  };
  for (const rule of resources.devices ?? []) {
    set("devices", rule.allow ? "devices.allow" : "devices.deny", deviceLine(rule));
  }
  const { memory = {}, cpu = {}, pids } = resources;
  set("memory", "memory.limit_in_bytes", memory.limit);
  set("memory", "memory.memsw.limit_in_bytes", memory.swap);
  set("memory", "memory.soft_limit_in_bytes", memory.reservation);
  set("memory", "memory.kmem.tcp.limit_in_bytes", memory.kernelTCP);
  if (memory.swappiness !== undefined) {
    set("memory", "memory.swappiness", String(memory.swappiness));
  }
  if (memory.disableOOMKiller) set("memory", "memory.oom_control", 1);
  set("cpu", "cpu.shares", cpu.shares);
  set("cpu", "cpu.cfs_period_us", cpu.period);
  set("cpu", "cpu.cfs_quota_us", cpu.quota);
  set("cpu", "cpu.cfs_burst_us", cpu.burst);
  set("cpu", "cpu.rt_period_us", cpu.realtimePeriod);
  set("cpu", "cpu.rt_runtime_us", cpu.realtimeRuntime);
  set("cpu", "cpu.idle", cpu.idle);
  set("cpuset", "cpuset.cpus", cpu.cpus || undefined);
  set("cpuset", "cpuset.mems", cpu.mems || undefined);
  if (pids !== undefined && pids.limit !== 0) {
    set("pids", "pids.max", pids.limit < 0 ? "max" : pids.limit);
  }
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    set("hugetlb", `hugetlb.${pageSize}.limit_in_bytes`, String(limit));
  }
  set("net_cls", "net_cls.classid", resources.network?.classID);
  for (const { name, priority } of resources.network?.priorities ?? []) {
    set("net_prio", "net_prio.ifpriomap", `${name} ${priority}`);
  }
  blockIoSettings(resources, (file, value) => set("blkio", file, value));
  return [...settings].map(([controller, files]) => ({ controller, files }));
}

function blockIoSettings(
  { blockIO = {} }: OciResources,
  set: (file: string, value: number | string | undefined) => void,
): void {
  set("blkio.weight", blockIO.weight);
  set("blkio.leaf_weight", blockIO.leafWeight);
  for (const { major, minor, weight, leafWeight } of blockIO.weightDevice ?? []) {
    if (weight) set("blkio.weight_device", `${major}:${minor} ${weight}`);
    if (leafWeight) set("blkio.leaf_weight_device", `${major}:${minor} ${leafWeight}`);
  }
  const throttles = {
    "blkio.throttle.read_bps_device": blockIO.throttleReadBpsDevice,
    "blkio.throttle.write_bps_device": blockIO.throttleWriteBpsDevice,
    "blkio.throttle.read_iops_device": blockIO.throttleReadIOPSDevice,
    "blkio.throttle.write_iops_device": blockIO.throttleWriteIOPSDevice,
  };
  for (const [file, list = []] of Object.entries(throttles)) {
    for (const { major, minor, rate } of list) set(file, `${major}:${minor} ${rate}`);
  }
}

function deviceLine(rule: OciDeviceRule): string {
  const type = rule.type ?? "a";
  if (type === "a") return "a";
  const number = (value: number | undefined) => value === undefined || value < 0 ? "*" : value;
  return `${type} ${number(rule.major)}:${number(rule.minor)} ${rule.access ?? "rwm"}`;
}

/**
 * Make the cgroups and set their limits. On failure nothing of it stays.
 *
 * @param path `/ctr/ID`
 * @throws {CtrError} `failed_precondition` when a limit is asked for whose controller is missing,
 * `already_exists` when the cgroup is in use
 */
export function makeV1(
  layout: CgroupLayout & { readonly version: 1 },
  path: string,
  resources: OciResources | undefined,
): MadeCgroups {
  const made: string[] = [];
  const entered: string[] = [];
  const mounts: { source: string; name: string }[] = [];
  try {
    for (const { controller, files } of settingsV1(resources)) {
      const mount = layout.controllers.get(controller);
      if (mount === undefined) {
        if (files.length === 0 || controller === "devices") continue;
        missingController(files[0]![0], controller);
      }
      const directory = mount + path;
      // Controllers that are mounted together (cpu,cpuacct) have one directory.
      if (!entered.includes(directory)) {
        if (ensureDirectory(directory)) checkUnused(directory);
        else made.push(directory);
        entered.push(directory);
        mounts.push({ source: directory, name: mount.slice(mount.lastIndexOf("/") + 1) });
        if (controller === "cpuset") inheritCpuset(mount, path);
      }
      for (const [file, value] of files) {
        if (file === "memory.memsw.limit_in_bytes" && !mayLimitSwap(directory, resources)) continue;
        writeFile(`${directory}/${file}`, value);
      }
    }
  } catch (error) {
    removeDirectories(made);
    throw error;
  }
  return { made, fd: undefined, entered, mounts };
}

/** Twice the memory is what Docker sets when nobody asked: no reason to fail without swap accounting. */
function mayLimitSwap(directory: string, { memory }: OciResources = {}): boolean {
  return memory?.swap !== 2 * (memory?.limit ?? 0) ||
    exists(`${directory}/memory.memsw.limit_in_bytes`);
}

/** A new cpuset is empty, and an empty one takes no process: copy the nearest set values down. */
function inheritCpuset(mount: string, path: string): void {
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
