/**
 * Control groups version 1: one directory per controller.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciDeviceRule, OciResources } from "../oci/mod.ts";
import { ensureDirectory, readTextIfExists, writeFile } from "../program/mod.ts";

/** What a container always gets: allow-list, accounting, and the means to stop all its processes. */
const ALWAYS = ["devices", "memory", "cpu", "pids", "freezer"] as const;

/** The files to write in one controller's directory, in order. */
export interface ControllerSettings {
  readonly controller: string;
  readonly files: readonly (readonly [file: string, value: string])[];
}

/** The settings of all controllers that a container uses: pure, so that it can be tested anywhere. */
export function settingsV1(resources: OciResources = {}): readonly ControllerSettings[] {
  const settings = new Map<string, [string, string][]>(ALWAYS.map((name) => [name, []]));
  const set = (controller: string, file: string, value: number | string) => {
    const files = settings.get(controller) ?? [];
    files.push([file, String(value)]);
    settings.set(controller, files);
  };
  for (const rule of resources.devices ?? []) {
    set("devices", rule.allow ? "devices.allow" : "devices.deny", deviceLine(rule));
  }
  const { memory, cpu, pids } = resources;
  if (memory?.limit) set("memory", "memory.limit_in_bytes", memory.limit);
  if (memory?.swap) set("memory", "memory.memsw.limit_in_bytes", memory.swap);
  if (memory?.reservation) set("memory", "memory.soft_limit_in_bytes", memory.reservation);
  if (cpu?.shares) set("cpu", "cpu.shares", cpu.shares);
  if (cpu?.period) set("cpu", "cpu.cfs_period_us", cpu.period);
  if (cpu?.quota) set("cpu", "cpu.cfs_quota_us", cpu.quota);
  if (cpu?.cpus !== undefined || cpu?.mems !== undefined) {
    if (cpu.cpus !== undefined) set("cpuset", "cpuset.cpus", cpu.cpus);
    if (cpu.mems !== undefined) set("cpuset", "cpuset.mems", cpu.mems);
  }
  if (pids !== undefined && pids.limit !== 0) {
    set("pids", "pids.max", pids.limit < 0 ? "max" : pids.limit);
  }
  return [...settings].map(([controller, files]) => ({ controller, files }));
}

function deviceLine(rule: OciDeviceRule): string {
  const type = rule.type ?? "a";
  if (type === "a") return "a";
  const number = (value: number | undefined) => value === undefined || value < 0 ? "*" : value;
  return `${type} ${number(rule.major)}:${number(rule.minor)} ${rule.access ?? "rwm"}`;
}

/**
 * Make the cgroups and set their limits.
 *
 * @param controllers mount point by controller
 * @param path `/ctr/ID`
 * @returns the directories, in the order in which they were made
 * @throws {CtrError} `failed_precondition` when a limit is asked for whose controller is missing
 */
export function createV1(
  controllers: ReadonlyMap<string, string>,
  path: string,
  resources: OciResources | undefined,
): string[] {
  const made: string[] = [];
  for (const { controller, files } of settingsV1(resources)) {
    const mount = controllers.get(controller);
    if (mount === undefined) {
      if (files.length === 0 || controller === "devices") continue;
      throw new CtrError({
        code: "failed_precondition",
        operation: "limit",
        subject: files[0]![0],
        reason: `this host has no ${controller} controller`,
      });
    }
    const directory = mount + path;
    // Controllers that are mounted together (cpu,cpuacct) have one directory.
    if (!made.includes(directory)) {
      ensureDirectory(directory);
      made.push(directory);
      if (controller === "cpuset") inheritCpuset(mount, path);
    }
    for (const [file, value] of files) writeFile(`${directory}/${file}`, value);
  }
  return made;
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
