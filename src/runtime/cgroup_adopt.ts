/**
 * The cgroups of a container whose first process is somebody else's making: they are made around a
 * process that waits.
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import { close, exists, writeFile } from "../program/mod.ts";
import {
  type CgroupLayout,
  cgroupLayout,
  type CgroupPath,
  directoryIn,
  hierarchies,
} from "./cgroup.ts";
import { cgroupDirectoriesAt } from "./cgroup_place.ts";
import { cgroupPathOf, makeCgroups } from "./create.ts";
import type { CgroupPlace, SystemdManager } from "./types.ts";

/**
 * Make a container's cgroups with their limits, and move a process into all of them.
 *
 * @throws {CtrError} `already_exists` when they are in use, and what `create` throws about limits;
 * nothing stays then
 */
export async function adoptIntoCgroups(
  pid: number,
  { id, spec, systemd }: {
    readonly id: string;
    readonly spec: OciSpec;
    readonly systemd?: SystemdManager | undefined;
  },
): Promise<CgroupPlace> {
  const { place, abandon } = systemd === undefined
    ? await made({ id, spec })
    : await inUnit(pid, { id, spec, manager: systemd });
  try {
    for (const directory of cgroupDirectoriesAt(place.path)) {
      writeFile(`${directory}/cgroup.procs`, String(pid));
    }
    return place;
  } catch (error) {
    await abandon();
    throw error;
  }
}

interface Adopted {
  readonly place: CgroupPlace;
  abandon(): Promise<void>;
}

async function made({ id, spec }: { id: string; spec: OciSpec }): Promise<Adopted> {
  const path = await cgroupPathOf({ id, spec });
  const { fd } = await makeCgroups(path, spec.linux?.resources, { everyHierarchy: true });
  if (fd !== undefined) close(fd);
  const { removeCgroup } = await import("./cgroup_remove.ts");
  return { place: { driver: "cgroupfs", path }, abandon: () => removeCgroup(path) };
}

async function inUnit(
  pid: number,
  options: { id: string; spec: OciSpec; manager: SystemdManager },
): Promise<Adopted> {
  const { planUnit } = await import("./systemd/unit.ts");
  const unit = await planUnit(options);
  try {
    await unit.start(pid);
  } catch (error) {
    await unit.abandon();
    throw error;
  } finally {
    unit.close();
  }
  return { place: unit.place, abandon: () => Promise.resolve() };
}

/** A container's directories, as programs want them that work on cgroups themselves. */
export interface CgroupPlaces {
  /** By the names of their hierarchies' places: `memory`, `cpu,cpuacct`. */
  readonly directories: ReadonlyMap<string, string>;
  /** Version 2: where its hierarchy is. */
  readonly hierarchy: string | undefined;
  /** The one that stops its processes. */
  readonly freezer: string | undefined;
}

/** Look at them. */
export function cgroupPlacesAt(
  path: CgroupPath,
  layout: CgroupLayout = cgroupLayout(),
): CgroupPlaces {
  const directories = new Map<string, string>();
  for (const place of hierarchies(layout)) {
    const directory = directoryIn(place, path);
    if (directory === undefined) continue;
    directories.set(place.slice(place.lastIndexOf("/") + 1), directory);
  }
  const file = layout.version === 2 ? "cgroup.freeze" : "freezer.state";
  return {
    directories,
    hierarchy: layout.version === 2 ? layout.root : undefined,
    freezer: [...directories.values()].find((directory) => exists(`${directory}/${file}`)),
  };
}
