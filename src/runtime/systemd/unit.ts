/**
 * A container as a unit of systemd: a scope that systemd makes around the container's first process, in
 * a cgroup that is delegated to the container.
 *
 * @see https://systemd.io/CGROUP_DELEGATION
 * @module
 */

import { CtrError } from "../../errors.ts";
import { SIGNALS } from "../../linux/mod.ts";
import type { OciResources, OciSpec } from "../../oci/mod.ts";
import { close, ensureDirectory, readTextIfExists, writeFile } from "../../program/mod.ts";
import {
  cgroupLayout,
  type CgroupPath,
  directoriesOf,
  directoryIn,
  type MadeCgroups,
  mayDivide,
  removeDirectories,
} from "../cgroup.ts";
import { freezeCgroup } from "../cgroup_freezer.ts";
import { giveCgroup } from "../cgroup_owner.ts";
import { signalCgroup } from "../cgroup_processes.ts";
import { makeV1, settingsV1 } from "../cgroup_v1.ts";
import { makeV2 } from "../cgroup_v2.ts";
import type { CgroupPlace, SystemdManager } from "../types.ts";
import { Systemd } from "./manager.ts";
import { resourceProperties } from "./properties.ts";
import { unitName } from "./unit_name.ts";
import { unitProperties } from "./unit_properties.ts";

/** A unit that is about to be made. It has a connection, which must be closed. */
export interface PlannedUnit {
  readonly place: CgroupPlace;
  /** The cgroups as they will be; nothing of it is there yet. */
  readonly cgroups: MadeCgroups;
  /**
   * Have systemd make the unit around a process, and set the limits that systemd does not know. The
   * process waits meanwhile.
   *
   * @throws {CtrError} when one of both fails; `abandon` is to be called then
   */
  start(pid: number): Promise<void>;
  /** Give up: what was made goes away, and the process with it if it still lives. */
  abandon(): Promise<void>;
  close(): void;
}

/** Find out where a container will be, and what is wrong with what it asks for. */
export async function planUnit(
  { id, spec, manager }: {
    readonly id: string;
    readonly spec: OciSpec;
    readonly manager: SystemdManager;
  },
): Promise<PlannedUnit> {
  const layout = cgroupLayout();
  const name = unitName(spec.linux?.cgroupsPath ?? "", { id, user: manager.user });
  if (manager.user && layout.version === 1) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "use unit",
      subject: name.unit,
      reason: "a user's systemd cannot delegate cgroups of version 1",
    });
  }
  const systemd = await Systemd.connect(manager);
  try {
    const { version, cgroup } = await systemd.facts();
    const dialect = { version: layout.version, systemd: version };
    const properties = unitProperties(name, { id, spec, dialect });
    const place = {
      driver: "systemd",
      path: cgroup + name.path,
      unit: name.unit,
      manager,
    } as const;
    const resources = limitsOf(spec, manager);
    const cgroups = await futureCgroups(place.path, resources);
    const isSlice = name.unit.endsWith(".slice");
    let ours = false;
    return {
      place,
      cgroups,
      async start(pid) {
        const pids = ["PIDs", { signature: "au", value: [pid] }] as const;
        try {
          await systemd.startTransient(name.unit, isSlice ? properties : [...properties, pids]);
          ours = true;
        } catch (error) {
          // A slice can be there for others too.
          if (!isSlice || (error as CtrError).code !== "already_exists") throw error;
        }
        if (isSlice) enter(place.path, pid);
        const { fd } = layout.version === 1
          ? await makeV1(layout, place.path, resources, { occupied: true })
          : await makeV2(layout, place.path, resources, { occupied: true });
        if (fd !== undefined) close(fd);
        if (mayDivide(spec)) giveCgroup(place.path, spec);
      },
      async abandon() {
        if (!ours) return;
        await systemd.stop(name.unit).catch(() => {}); // there is a better reason for what has failed
        removeDirectories(directoriesOf(layout, place.path));
      },
      close: () => systemd.close(),
    };
  } catch (error) {
    systemd.close();
    throw error;
  }
}

/** A user may not attach device filters. */
function limitsOf({ linux }: OciSpec, { user }: SystemdManager): OciResources {
  const { devices, ...limits } = linux?.resources ?? {};
  return user || devices === undefined ? limits : { ...limits, devices };
}

async function futureCgroups(path: string, resources: OciResources): Promise<MadeCgroups> {
  const layout = cgroupLayout();
  if (layout.version === 2) {
    const source = directoryIn(layout.root, path)!;
    return { made: [], fd: undefined, entered: [], mounts: [{ source, name: "" }] };
  }
  // systemd moves the process in the hierarchies that it uses; there are others.
  const places = (await settingsV1(resources)).map(({ controller }) =>
    layout.controllers.get(controller)
  );
  const mounts = [...new Set(places)].filter((place) => place !== undefined).map((place) => ({
    source: directoryIn(place, path)!,
    name: place.slice(place.lastIndexOf("/") + 1),
  }));
  return { made: [], fd: undefined, entered: mounts.map(({ source }) => source), mounts };
}

/** systemd moves processes to scopes, not to slices. */
function enter(path: string, pid: number): void {
  const layout = cgroupLayout();
  const places = layout.version === 2
    ? [layout.root]
    : [layout.controllers.get("name=systemd"), layout.unified];
  for (const place of places) {
    if (place === undefined) continue;
    const directory = directoryIn(place, path)!;
    ensureDirectory(directory);
    writeFile(`${directory}/cgroup.procs`, String(pid));
  }
}

/**
 * End what runs in a container's unit and have systemd forget it. The cgroups that systemd has not
 * made stay.
 */
export async function stopUnit({ manager, path, unit }: CgroupPlace): Promise<void> {
  if (unit === undefined) return;
  const systemd = await Systemd.connect(manager!);
  try {
    // systemd would ask politely, and wait for 90 s.
    await signalCgroup(path, SIGNALS.SIGKILL);
    await systemd.stop(unit);
  } finally {
    systemd.close();
  }
}

/**
 * Tell systemd of changed limits. It sets those that it knows; the cgroup's files are to be written
 * afterwards all the same. The list of devices stays as it is.
 */
export async function updateUnit(
  { manager, path, unit }: CgroupPlace,
  { devices: _, ...limits }: OciResources,
): Promise<void> {
  if (unit === undefined) return;
  const { version } = cgroupLayout();
  const systemd = await Systemd.connect(manager!);
  try {
    const dialect = { version, systemd: (await systemd.facts()).version };
    const properties = resourceProperties(limits, dialect);
    if (properties.length === 0) return;
    const thaw = await keepStill(path);
    try {
      await systemd.setProperties(unit, properties);
    } finally {
      await thaw();
    }
  } finally {
    systemd.close();
  }
}

/**
 * With version 1, systemd may write the list of devices again, and deny everything first: nothing of
 * the container shall run at that moment.
 */
async function keepStill(path: CgroupPath): Promise<() => Promise<void>> {
  const layout = cgroupLayout();
  const freezer = layout.version === 1 ? layout.controllers.get("freezer") : undefined;
  const state = freezer === undefined
    ? undefined
    : readTextIfExists(`${directoryIn(freezer, path)}/freezer.state`)?.trim();
  if (state !== "THAWED") return async () => {};
  await freezeCgroup(path, true);
  return () => freezeCgroup(path, false);
}
