/**
 * The OCI runtime: bundles become processes, through syscall programs instead of a helper binary.
 *
 * @example
 * ```ts
 * import { create, destroy } from "./src/runtime/mod.ts";
 * const process = await create({ id: "c1", bundle, spec, rootfs: [], stdio });
 * process.start();
 * ```
 *
 * @module
 */

import { arch } from "../../ffi/mod.ts";
import type { OciResources } from "../oci/mod.ts";
import { cgroupLayout, type CgroupPath } from "./cgroup.ts";
import {
  containerStatsJsonAt,
  destroyAt,
  freezeAt,
  pidsAt,
  signalAt,
  updateResourcesAt,
} from "./cgroup_door.ts";
import type { RuntimeProgram } from "./command/command.ts";
import type { CommandRuntimeOptions } from "./command/command_runtime.ts";
import { cgroupPathOf, create } from "./create.ts";
import type { ContainerRef, LowLevelRuntime } from "./low_level.ts";
import type {
  CgroupPlace,
  CgroupStats,
  CreateOptions,
  ExecOptions,
  RuntimeProcess,
  SystemdManager,
} from "./types.ts";

export { cgroupPathOf, create };
export { keepable } from "./create.ts";
export type { RuntimeProgram } from "./command/command.ts";
export type { CgroupPath } from "./cgroup.ts";
export {
  containerStatsJsonAt,
  destroyAt,
  freezeAt,
  pidsAt,
  signalAt,
  updateResourcesAt,
  watchOomAt,
} from "./cgroup_door.ts";
export { cgroupDirectoriesAt, frozenAt } from "./cgroup_place.ts";
export { availableCapabilities } from "./facts.ts";
export { type FileReader, layerReader, processReader } from "./layer_files.ts";
export type {
  CheckpointRequest,
  ContainerRef,
  LowLevelExecOptions,
  LowLevelProcess,
  LowLevelRuntime,
} from "./low_level.ts";
export { homeOf, type ResolvedUser, resolveGroup, resolveUser } from "./users.ts";
export { defaultSpec, parseSecurityOptions, type SpecOptions } from "./default_spec.ts";
export type {
  CgroupPlace,
  CgroupStats,
  ContainerProcess,
  CreateOptions,
  ExecOptions,
  KeeperProcess,
  OomWatch,
  RootfsMount,
  RuntimeProcess,
  Stdio,
  SystemdManager,
} from "./types.ts";

/** The executable of `--init` for this machine. */
export async function initExecutable(): Promise<Uint8Array> {
  return (await import("./init/init_elf.ts")).initElf(arch);
}

/** 1 or 2; a hybrid host counts as 1, where its controllers are. */
export function cgroupVersion(): 1 | 2 {
  return cgroupLayout().version;
}

/**
 * Get ready to `create` soon: 10 ms less then, for a few now. For a process that has nothing else to do.
 */
export async function prepare(): Promise<void> {
  await (await import("./warm_up.ts")).warmUp();
}

/** Add a process to a running container; see `exec.ts`. */
export async function exec(options: ExecOptions): Promise<RuntimeProcess> {
  return await (await import("./exec.ts")).exec(options);
}

/** The syscall program that `create` would run, in strace notation; needs no privilege. */
export async function explain(
  options: Pick<CreateOptions, "id" | "bundle" | "spec" | "rootfs">,
): Promise<string> {
  return await (await import("./explain.ts")).explainCreate(options);
}

/** What this runtime can do, as `features` of an OCI runtime prints it. */
export async function runtimeFeatures(): Promise<Readonly<Record<string, unknown>>> {
  return (await import("./features.ts")).features();
}

/** Kill what is left in the container's cgroups and remove them. Idempotent. */
export async function destroy(container: ContainerRef): Promise<void> {
  await destroyAt(await cgroupPathOf(container));
  await removeServiceClass(container);
}

/**
 * Remove the class of service that a container of `linux.intelRdt` had for itself. Idempotent.
 *
 * @param options `resctrl`: where that is mounted; default: where this process sees it
 */
export async function removeServiceClass(
  { id, spec }: ContainerRef,
  options: { readonly resctrl?: string } = {},
): Promise<void> {
  const rdt = spec.linux?.intelRdt;
  if (rdt === undefined) return;
  new (await import("./resctrl.ts")).RdtClass({ id, rdt, root: options.resctrl }).remove();
}

/** Make a container's cgroups around a process that waits; see `cgroup_adopt.ts`. */
export async function adoptIntoCgroups(
  pid: number,
  options: ContainerRef & { readonly systemd?: SystemdManager | undefined },
): Promise<CgroupPlace> {
  return await (await import("./cgroup_adopt.ts")).adoptIntoCgroups(pid, options);
}

/** Where a container's cgroups are, for programs that work on them; see `cgroup_adopt.ts`. */
export async function cgroupPlacesAt(
  path: CgroupPath,
): Promise<import("./cgroup_adopt.ts").CgroupPlaces> {
  return (await import("./cgroup_adopt.ts")).cgroupPlacesAt(path);
}

/** Stop or go on with all processes of a container. */
export async function freeze(container: ContainerRef, frozen: boolean): Promise<void> {
  await freezeAt(await cgroupPathOf(container), frozen);
}

/** What the container's controllers counted. */
export async function stats(container: ContainerRef): Promise<CgroupStats> {
  const { cgroupStats } = await import("./cgroup_usage.ts");
  return cgroupStats(await cgroupPathOf(container));
}

/** Host process ids of everything that runs in the container. */
export async function pids(container: ContainerRef): Promise<number[]> {
  return await pidsAt(await cgroupPathOf(container));
}

/**
 * The unit that `create` would make for a container.
 *
 * @throws {CtrError} `unavailable` when systemd does not answer
 */
export async function unitPlace(
  options: ContainerRef & { readonly manager: SystemdManager },
): Promise<CgroupPlace> {
  const unit = await (await import("./systemd/unit.ts")).planUnit(options);
  unit.close();
  return unit.place;
}

/**
 * End what runs in a container's unit, and have systemd forget it. Nothing to do for a place without a
 * unit. The cgroups that are left are to be removed as always.
 *
 * @throws {CtrError} `unavailable` when systemd does not answer
 */
export async function stopUnit(place: CgroupPlace): Promise<void> {
  if (place.unit !== undefined) await (await import("./systemd/unit.ts")).stopUnit(place);
}

/**
 * Tell systemd of changed limits, before they are written to the cgroups: else it would take them back
 * one day. Nothing to do for a place without a unit.
 *
 * @throws {CtrError} `unavailable` when systemd does not answer
 */
export async function updateUnit(place: CgroupPlace, resources: OciResources): Promise<void> {
  if (place.unit !== undefined) {
    await (await import("./systemd/unit.ts")).updateUnit(place, resources);
  }
}

/** Change limits of a container that runs; see `updateResourcesAt`. */
async function update(container: ContainerRef, resources: OciResources): Promise<void> {
  await updateResourcesAt(await cgroupPathOf(container), resources);
}

async function signalAll(container: ContainerRef, signal: number): Promise<void> {
  await signalAt(await cgroupPathOf(container), signal);
}

/** This room as a low-level runtime. */
export const builtIn: LowLevelRuntime = {
  create,
  exec,
  destroy,
  freeze,
  stats: async (container) => await containerStatsJsonAt(await cgroupPathOf(container)),
  update,
  signalAll,
  pids,
};

/** What owners of foreign processes need; see `owner_parts.ts`. */
export const ownerParts = (): Promise<typeof import("./owner_parts.ts")> =>
  import("./owner_parts.ts");

/** Another runtime, for one container; see `command/command_runtime.ts`. */
export async function commandRuntime(
  program: RuntimeProgram,
  options: CommandRuntimeOptions = {},
): Promise<LowLevelRuntime> {
  const { CommandRuntime } = await import("./command/command_runtime.ts");
  return new CommandRuntime(program, options);
}
