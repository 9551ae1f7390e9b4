/**
 * Changes the limits of a container that runs: all that are asked for, or none.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciResources } from "../oci/mod.ts";
import { exists, readText, readTextIfExists } from "../program/mod.ts";
import {
  type CgroupLayout,
  cgroupLayout,
  type CgroupPath,
  directoryIn,
  type LayoutV1,
  type LayoutV2,
  missingController,
} from "./cgroup.ts";
import { type LateCgroup, makeLate } from "./cgroup_late.ts";
import { type DirectorySettings, type PlacedSetting, writeSettings } from "./cgroup_settings.ts";
import { type ControllerSettings, divide, settingsV1 } from "./cgroup_v1.ts";
import { enableControllers, settingsV2 } from "./cgroup_v2.ts";

/**
 * Set limits; those that are not mentioned stay. The first that the kernel refuses is reported, with its
 * file and its value, after those that it took were put back. The list of devices comes last, and only
 * if there is one.
 *
 * What depends on another limit that is not mentioned is counted from the one that is there: half of
 * `cpu.max`, or the memory in memory and swap together.
 *
 * @throws {SyscallError} `failed_precondition`, `invalid_argument`, … for a limit that cannot be had
 */
export async function updateCgroup(
  path: CgroupPath,
  resources: OciResources,
  layout: CgroupLayout = cgroupLayout(),
): Promise<void> {
  const { devices = [], ...limits } = resources;
  const before: PlacedSetting[] = [];
  const late: LateCgroup[] = [];
  const write = (settings: readonly DirectorySettings[]) =>
    writeSettings(settings, ({ directory, file, value }) => {
      const old = readTextIfExists(`${directory}/${file}`) ?? "";
      before.push({ directory, file, value: valueBefore(file, old, value) });
    });
  try {
    if (layout.version === 2) write(await settingsInV2(layout, path, limits));
    else {
      const { v1, v2 } = divide(layout, limits);
      if (Object.keys(v2).length > 0) {
        write(await settingsInV2({ version: 2, root: layout.unified! }, path, v2));
      }
      for (const { place, controller, files } of await settingsInV1(layout, v1)) {
        const directory = directoryIn(place, path);
        if (directory === undefined) missingController(files[0]![0], controller);
        const setting = [{ directory, files }];
        if (exists(directory)) write(setting);
        else late.push(makeLate(layout, { place, controller, path }, () => write(setting)));
      }
    }
    if (devices.length > 0) {
      const { updateDevices } = await import("./device_update.ts");
      await updateDevices(layout, path, devices);
    }
  } catch (error) {
    putBack(before);
    for (const cgroup of late) cgroup.abandon();
    throw error;
  }
  for (const cgroup of late) cgroup.enter();
}

/** As far as the kernel lets us, the last one first. */
function putBack(before: readonly PlacedSetting[]): void {
  for (const { directory, file, value } of [...before].reverse()) {
    try {
      writeSettings([{ directory, files: [[file, value, "ignore"]] }]);
    } catch {
      // The reason why the update has failed says more.
    }
  }
}

/**
 * What to write to a file to have what it said before something is written to it. Some files have a
 * line for each device, of which a write changes one.
 */
export function valueBefore(file: string, old: string, written: string): string {
  if (file === "memory.oom_control") return /^oom_kill_disable 1$/m.test(old) ? "1" : "0";
  const lines = old.trim().split("\n");
  const [key, ...rest] = written.split(" ");
  if (rest.length === 0 || file === "cpu.max") {
    return lines.find((line) => line.startsWith("default ")) ?? lines[0]!;
  }
  const line = lines.find((line) => line.startsWith(`${key} `));
  if (line !== undefined) return line;
  // No line: no limit.
  const words = rest.map((word) => word.includes("=") ? `${word.split("=")[0]}=max` : "0");
  return `${key} ${file.endsWith("io.weight") ? "default" : words.join(" ")}`;
}

async function settingsInV1(
  layout: LayoutV1,
  limits: OciResources,
): Promise<(ControllerSettings & { readonly place: string })[]> {
  return (await settingsV1(limits)).filter(({ files }) => files.length > 0).map((settings) => {
    const place = layout.controllers.get(settings.controller);
    if (place === undefined) missingController(settings.files[0]![0], settings.controller);
    return { ...settings, place };
  });
}

async function settingsInV2(
  { root }: LayoutV2,
  path: CgroupPath,
  limits: OciResources,
): Promise<DirectorySettings[]> {
  const directory = directoryIn(root, path)!;
  const current = (file: string) => readTextIfExists(`${directory}/${file}`);
  const files = await settingsV2(limits, current);
  if (files.length === 0) return [];
  const wanted = new Set(files.map(([file]) => file.split(".")[0]!));
  const there = current("cgroup.controllers")?.trim().split(" ");
  if (there !== undefined && [...wanted].some((name) => !there.includes(name))) {
    let parent = root;
    for (const part of directory.slice(root.length + 1).split("/")) {
      enableControllers(parent, wanted);
      parent += `/${part}`;
    }
  }
  if (limits.memory?.checkBeforeUpdate) checkUsage(directory, limits.memory);
  return [{ directory, files }];
}

/** Version 2 would kill until the limit is kept; version 1 refuses by itself. */
function checkUsage(
  directory: string,
  { limit = 0, swap = 0 }: NonNullable<OciResources["memory"]>,
): void {
  if (limit <= 0 && swap <= 0) return;
  const usage = Number(readText(`${directory}/memory.current`));
  const [what, value] = swap > 0 && swap <= usage ? ["memory+swap", swap] : ["memory", limit];
  if (value <= 0 || value > usage) return;
  throw new CtrError({
    code: "failed_precondition",
    operation: "limit",
    subject: "memory.max",
    reason: `rejecting ${what} limit ${value} <= usage ${usage}`,
  });
}
