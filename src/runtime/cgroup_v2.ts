/**
 * Control groups version 2: one directory with all controllers.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciResources } from "../oci/mod.ts";
import { ensureDirectory, exists, readText, writeFile } from "../program/mod.ts";

/** The files to write, in order: pure, so that it can be tested anywhere. */
export function settingsV2(resources: OciResources = {}): readonly (readonly [string, string])[] {
  const files: [string, string][] = [];
  const { memory, cpu, pids } = resources;
  if (memory?.limit) files.push(["memory.max", limitV2(memory.limit)]);
  if (memory?.swap) {
    // v1 counts memory and swap together, v2 the swap alone.
    const swap = memory.swap < 0 ? -1 : memory.swap - (memory.limit ?? 0);
    files.push(["memory.swap.max", limitV2(swap)]);
  }
  if (memory?.reservation) files.push(["memory.low", limitV2(memory.reservation)]);
  if (cpu?.shares) files.push(["cpu.weight", String(weightOfShares(cpu.shares))]);
  if (cpu?.quota || cpu?.period) {
    const quota = cpu.quota !== undefined && cpu.quota > 0 ? cpu.quota : "max";
    files.push(["cpu.max", `${quota} ${cpu.period ?? 100000}`]);
  }
  if (cpu?.cpus !== undefined) files.push(["cpuset.cpus", cpu.cpus]);
  if (cpu?.mems !== undefined) files.push(["cpuset.mems", cpu.mems]);
  if (pids !== undefined && pids.limit !== 0) files.push(["pids.max", limitV2(pids.limit)]);
  return files;
}

function limitV2(value: number): string {
  return value < 0 ? "max" : String(value);
}

/** 2…262144 → 1…10000, the conversion that runc and crun use. */
export function weightOfShares(shares: number): number {
  return 1 + Math.floor(((Math.min(Math.max(shares, 2), 262144) - 2) * 9999) / 262142);
}

/**
 * Make the cgroup, with the controllers enabled on the way down, and set its limits.
 *
 * @param root mount point of the hierarchy
 * @param path `/ctr/ID`
 * @throws {CtrError} `failed_precondition` when a limit is asked for whose controller is missing
 */
export function createV2(root: string, path: string, resources: OciResources | undefined): string {
  const settings = settingsV2(resources);
  let directory = root;
  for (const part of path.split("/").slice(1)) {
    enableControllers(directory);
    directory += `/${part}`;
    ensureDirectory(directory);
  }
  for (const [file, value] of settings) {
    if (!exists(`${directory}/${file}`)) {
      throw new CtrError({
        code: "failed_precondition",
        operation: "limit",
        subject: file,
        reason: `the ${file.split(".")[0]} controller is not available in ${root}`,
      });
    }
    writeFile(`${directory}/${file}`, value);
  }
  return directory;
}

/** Children get what the parent has; a controller that cannot be enabled matters only if it is used. */
function enableControllers(directory: string): void {
  const available = readText(`${directory}/cgroup.controllers`).trim().split(" ");
  const enabled = new Set(readText(`${directory}/cgroup.subtree_control`).trim().split(" "));
  for (const name of ["memory", "cpu", "pids", "cpuset", "io"]) {
    if (!available.includes(name) || enabled.has(name)) continue;
    try {
      writeFile(`${directory}/cgroup.subtree_control`, `+${name}`);
    } catch {
      // Threads or processes in the way: createV2 says so if a limit needs this controller.
    }
  }
}
