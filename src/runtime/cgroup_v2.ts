/**
 * Control groups version 2: one directory with all controllers.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 * @module
 */

import { CtrError } from "../errors.ts";
import { O } from "../linux/mod.ts";
import type { OciDeviceRule, OciMemory, OciResources } from "../oci/mod.ts";
import { close, ensureDirectory, open, readText, writeFile } from "../program/mod.ts";
import {
  asksRare,
  type CgroupPath,
  checkUnused,
  directoryIn,
  type LayoutV2,
  type MadeCgroups,
  removeDirectories,
} from "./cgroup.ts";
import { type Setting, writeSettings } from "./cgroup_settings.ts";
import { attachDeviceFilter } from "./device_filter.ts";

/** What a container always gets, if the host has it. */
const ALWAYS = ["memory", "cpu", "pids", "cpuset", "io", "hugetlb"] as const;

/** Reads a file of the cgroup as it is, for what depends on it; a new cgroup has nothing to say. */
export type CurrentValue = (file: string) => string | undefined;

/**
 * The files to write, in order: pure, so that it can be tested anywhere.
 *
 * @throws {CtrError} `invalid_argument` for what makes no sense
 */
export async function settingsV2(
  resources: OciResources = {},
  current: CurrentValue = () => undefined,
): Promise<readonly Setting[]> {
  const files: Setting[] = [];
  const set = (...setting: Setting) => {
    files.push(setting);
  };
  const { memory, cpu = {}, pids } = resources;
  if (memory !== undefined) memorySettings(memory, set, current);
  if (cpu.shares) set("cpu.weight", String(weightOfShares(cpu.shares)));
  if (cpu.quota || cpu.period) {
    const [quota = "max", period = "100000"] = current("cpu.max")?.trim().split(" ") ?? [];
    const next = cpu.quota ? cpu.quota > 0 ? cpu.quota : "max" : quota;
    set("cpu.max", `${next} ${cpu.period || period}`);
  }
  if (pids?.limit) set("pids.max", limitV2(pids.limit));
  if (asksRare(resources)) (await import("./cgroup_v2_rare.ts")).rareSettingsV2(resources, set);
  return files;
}

function memorySettings(
  memory: OciMemory,
  set: (...setting: Setting) => void,
  current: CurrentValue,
): void {
  const { limit, swap, reservation } = memory;
  const swapAlone = swapV2(memory, current);
  if (swapAlone !== undefined) {
    // No limit and no swap are what there is without swap accounting, and twice the memory is what
    // Docker sets when nobody asked.
    const byDefault = swapAlone <= 0 || swap === 2 * (limit ?? 0);
    set("memory.swap.max", limitV2(swapAlone), ...byDefault ? ["ignore"] as const : []);
  }
  if (limit) set("memory.max", limitV2(limit));
  if (reservation) set("memory.low", limitV2(reservation));
}

/** Version 1 counts memory and swap together, version 2 the swap alone. -1 is no limit. */
function swapV2({ limit = 0, ...rest }: OciMemory, current: CurrentValue): number | undefined {
  const there = current("memory.max")?.trim();
  // Another limit of memory leaves that of both together as it is.
  const both = Number(there) + Number(current("memory.swap.max")?.trim() || NaN);
  const swap = rest.swap || (limit > 0 && both > 0 ? both : 0); // not with `max`
  if (swap === -1 || (limit === -1 && swap === 0)) return -1;
  if (swap === 0) return undefined;
  const memory = limit !== 0 ? limit : there === "max" ? -1 : Number(there ?? 0);
  if (memory === -1) return swap;
  if (memory > 0 && swap >= memory) return swap - memory;
  throw new CtrError({
    code: "invalid_argument",
    operation: "limit",
    subject: "memory.swap.max",
    reason: memory === 0
      ? "unable to set swap limit without memory limit"
      : memory < 0
      ? `invalid memory value: ${memory}`
      : `memory+swap limit should be >= memory limit (${swap} < ${memory})`,
  });
}

function limitV2(value: number): string {
  return value < 0 ? "max" : String(value);
}

/**
 * 2…262144 → 1…10000, and the default of one, 1024, is the default of the other, 100: the conversion
 * of runc 1.4 and crun 1.24. The older one, which was linear, made 39 of a default.
 */
export function weightOfShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/**
 * Make the cgroup, with the controllers enabled on the way down, and set its limits. On failure
 * nothing of it stays.
 *
 * @param path `/ctr/ID`
 * @param options.occupied processes may be in it already
 * @param options.always controllers to enable whether a limit needs them or not
 * @throws {CtrError} `failed_precondition` when a limit is asked for whose controller is missing,
 * `already_exists` when the cgroup is in use
 */
export async function makeV2(
  { root }: LayoutV2,
  path: CgroupPath,
  resources: OciResources = {},
  { occupied = false, always = ALWAYS }: {
    readonly occupied?: boolean;
    readonly always?: readonly string[];
  } = {},
): Promise<MadeCgroups> {
  const settings = await settingsV2(resources);
  const wanted = new Set([...always, ...settings.map(([file]) => file.split(".")[0]!)]);
  const made: string[] = [];
  let fd: number | undefined;
  try {
    let directory = root;
    const below = directoryIn(root, path)!.slice(root.length);
    for (const part of below.split("/").slice(1)) {
      enableControllers(directory, wanted);
      directory += `/${part}`;
      if (!ensureDirectory(directory)) made.push(directory);
    }
    if (made.at(-1) !== directory && !occupied) checkUnused(directory);
    writeSettings([{ directory, files: settings }]);
    fd = open(directory, O.O_PATH);
    await limitDevices(directory, resources.devices);
    return { made, fd, entered: [], mounts: [{ source: directory, name: "" }] };
  } catch (error) {
    if (fd !== undefined) close(fd);
    removeDirectories(made);
    const { doesWithout } = await import("./cgroup_rootless.ts");
    if (settings.length > 0 || !doesWithout(error)) throw error;
    return { made: [], fd: undefined, entered: [], mounts: [{ source: root, name: "" }] };
  }
}

/** Who may not attach a filter may not make devices either. */
async function limitDevices(
  directory: string,
  rules: readonly OciDeviceRule[] = [],
): Promise<void> {
  if (rules.length === 0) return;
  try {
    attachDeviceFilter(directory, rules);
  } catch (error) {
    const { doesWithout } = await import("./cgroup_rootless.ts");
    if (!doesWithout(error)) throw error;
  }
}

/** Children get what the parent has; a controller that cannot be enabled matters only if it is used. */
export function enableControllers(directory: string, wanted: ReadonlySet<string>): void {
  const available = readText(`${directory}/cgroup.controllers`).trim().split(" ");
  const enabled = new Set(readText(`${directory}/cgroup.subtree_control`).trim().split(" "));
  for (const name of available) {
    if (enabled.has(name) || !wanted.has(name)) continue;
    try {
      writeFile(`${directory}/cgroup.subtree_control`, `+${name}`);
    } catch {
      // Threads or processes in the way: makeV2 says so if a limit needs this controller.
    }
  }
}
