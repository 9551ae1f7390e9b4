/**
 * Control groups version 2: one directory with all controllers.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 * @module
 */

import { O } from "../linux/mod.ts";
import type { OciBlockIo, OciResources } from "../oci/mod.ts";
import { close, ensureDirectory, exists, open, readText, writeFile } from "../program/mod.ts";
import {
  type CgroupLayout,
  checkUnused,
  type MadeCgroups,
  missingController,
  removeDirectories,
} from "./cgroup.ts";
import { attachDeviceFilter } from "./device_filter.ts";

/** The files to write, in order: pure, so that it can be tested anywhere. */
export function settingsV2(resources: OciResources = {}): readonly (readonly [string, string])[] {
  const files: [string, string][] = [];
  const set = (file: string, value: number | string | undefined) => {
    if (value !== undefined && value !== 0 && value !== "") files.push([file, String(value)]);
  };
  const { memory = {}, cpu = {}, pids, blockIO = {} } = resources;
  if (memory.limit) set("memory.max", limitV2(memory.limit));
  if (memory.swap) {
    // v1 counts memory and swap together, v2 the swap alone.
    const swap = memory.swap < 0 ? -1 : memory.swap - Math.max(memory.limit ?? 0, 0);
    files.push(["memory.swap.max", limitV2(swap)]);
  }
  if (memory.reservation) set("memory.low", limitV2(memory.reservation));
  if (cpu.shares) set("cpu.weight", weightOfShares(cpu.shares));
  if (cpu.quota || cpu.period) {
    const quota = cpu.quota !== undefined && cpu.quota > 0 ? cpu.quota : "max";
    set("cpu.max", `${quota} ${cpu.period || 100000}`);
  }
  set("cpu.max.burst", cpu.burst);
  set("cpu.idle", cpu.idle);
  set("cpuset.cpus", cpu.cpus);
  set("cpuset.mems", cpu.mems);
  if (pids !== undefined && pids.limit !== 0) set("pids.max", limitV2(pids.limit));
  for (const { pageSize, limit } of resources.hugepageLimits ?? []) {
    files.push([`hugetlb.${pageSize}.max`, String(limit)]);
  }
  blockIoSettings(blockIO, set);
  for (const [file, value] of Object.entries(resources.unified ?? {})) {
    if (file.includes("/")) missingController(file, JSON.stringify(file));
    files.push([file, value]);
  }
  return files;
}

function blockIoSettings(
  io: OciBlockIo,
  set: (file: string, value: number | string | undefined) => void,
): void {
  if (io.weight) set("io.weight", weightOfBlkio(io.weight));
  for (const { major, minor, weight } of io.weightDevice ?? []) {
    if (weight) set("io.weight", `${major}:${minor} ${weightOfBlkio(weight)}`);
  }
  const throttles = {
    rbps: io.throttleReadBpsDevice,
    wbps: io.throttleWriteBpsDevice,
    riops: io.throttleReadIOPSDevice,
    wiops: io.throttleWriteIOPSDevice,
  };
  for (const [key, list = []] of Object.entries(throttles)) {
    for (const { major, minor, rate } of list) set("io.max", `${major}:${minor} ${key}=${rate}`);
  }
}

function limitV2(value: number): string {
  return value < 0 ? "max" : String(value);
}

/** 2…262144 → 1…10000, the conversion that runc and crun use. */
export function weightOfShares(shares: number): number {
  return 1 + Math.floor(((Math.min(Math.max(shares, 2), 262144) - 2) * 9999) / 262142);
}

/** 10…1000 → 1…10000. */
function weightOfBlkio(weight: number): number {
  return 1 + Math.floor(((Math.min(Math.max(weight, 10), 1000) - 10) * 9999) / 990);
}

/**
 * Make the cgroup, with the controllers enabled on the way down, and set its limits. On failure
 * nothing of it stays.
 *
 * @param path `/ctr/ID`
 * @throws {CtrError} `failed_precondition` when a limit is asked for whose controller is missing,
 * `already_exists` when the cgroup is in use
 */
export function makeV2(
  { root }: CgroupLayout & { readonly version: 2 },
  path: string,
  resources: OciResources = {},
): MadeCgroups {
  if (resources.network !== undefined) missingController("linux.resources.network", "net_cls");
  const made: string[] = [];
  let fd: number | undefined;
  try {
    let directory = root;
    for (const part of path.split("/").slice(1)) {
      enableControllers(directory);
      directory += `/${part}`;
      if (!ensureDirectory(directory)) made.push(directory);
    }
    if (made.at(-1) !== directory) checkUnused(directory);
    for (const [file, value] of settingsV2(resources)) {
      const target = `${directory}/${file}`;
      if (!exists(target)) {
        const byDefault = file === "memory.swap.max" &&
          resources.memory?.swap === 2 * (resources.memory?.limit ?? 0);
        if (byDefault) continue;
        missingController(file, file.split(".")[0]!);
      }
      writeFile(target, value);
    }
    fd = open(directory, O.O_PATH);
    if (resources.devices !== undefined && resources.devices.length > 0) {
      attachDeviceFilter(directory, resources.devices);
    }
    return { made, fd, entered: [], mounts: [{ source: directory, name: "" }] };
  } catch (error) {
    if (fd !== undefined) close(fd);
    removeDirectories(made);
    throw error;
  }
}

/** Children get what the parent has; a controller that cannot be enabled matters only if it is used. */
function enableControllers(directory: string): void {
  const available = readText(`${directory}/cgroup.controllers`).trim().split(" ");
  const enabled = new Set(readText(`${directory}/cgroup.subtree_control`).trim().split(" "));
  for (const name of ["memory", "cpu", "pids", "cpuset", "io", "hugetlb"]) {
    if (!available.includes(name) || enabled.has(name)) continue;
    try {
      writeFile(`${directory}/cgroup.subtree_control`, `+${name}`);
    } catch {
      // Threads or processes in the way: makeV2 says so if a limit needs this controller.
    }
  }
}
