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
import type { OciResources, OciSpec } from "../oci/mod.ts";
import { cgroupLayout, type CgroupPath } from "./cgroup.ts";
import type {
  CgroupPlace,
  CgroupStats,
  CreateOptions,
  ExecOptions,
  OomWatch,
  RuntimeProcess,
} from "./types.ts";

export { create, keepable } from "./create.ts";
export type { CgroupPath } from "./cgroup.ts";
export { cgroupDirectoriesAt, frozenAt } from "./cgroup_place.ts";
export { availableCapabilities } from "./facts.ts";
export { layerReader, processReader } from "./layer_files.ts";
export { type ResolvedUser, resolveGroup, resolveUser } from "./users.ts";
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

/** Which container a cgroup operation is about. */
export interface ContainerRef {
  readonly id: string;
  readonly spec: OciSpec;
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
export async function destroy({ id, spec }: ContainerRef): Promise<void> {
  const { removeCgroup } = await import("./cgroup_remove.ts");
  await removeCgroup(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
}

/** Stop or go on with all processes of a container. */
export async function freeze({ id, spec }: ContainerRef, frozen: boolean): Promise<void> {
  const { freezeCgroup } = await import("./cgroup_remove.ts");
  freezeCgroup(spec.linux?.cgroupsPath ?? `/ctr/${id}`, frozen);
}

/** What the container's controllers counted. */
export async function stats({ id, spec }: ContainerRef): Promise<CgroupStats> {
  const { cgroupStats } = await import("./cgroup_remove.ts");
  return cgroupStats(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
}

/** Host process ids of everything that runs in the container. */
export async function pids({ id, spec }: ContainerRef): Promise<number[]> {
  const { cgroupPids } = await import("./cgroup_remove.ts");
  return cgroupPids(spec.linux?.cgroupsPath ?? `/ctr/${id}`);
}

/**
 * Change limits of a container that runs: all that are asked for or, when the kernel refuses one, none.
 * Those that are not mentioned stay; what is mentioned is counted from what is there, so a caller that
 * knows the whole of what a person wants (memory and swap together, say) gives the whole.
 *
 * @param path where the container's cgroups are below their hierarchies
 */
export async function updateResourcesAt(
  path: CgroupPath,
  resources: OciResources,
): Promise<void> {
  await (await import("./cgroup_update.ts")).updateCgroup(path, resources);
}

/**
 * The `data` object of an event of `runc events --stats`. Counts beyond 2^53 are raw JSON numbers:
 * they are for `JSON.stringify`.
 */
export async function containerStatsJsonAt(
  path: CgroupPath,
): Promise<Readonly<Record<string, unknown>>> {
  return await (await import("./cgroup_stats.ts")).containerStatsJson(path);
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

/**
 * Tell when the kernel runs out of a container's memory, from now on.
 *
 * @example
 * ```ts
 * const watch = await watchOomAt("/ctr/web");
 * for await (const _ of watch.events) console.log("out of memory");
 * ```
 */
export async function watchOomAt(path: CgroupPath): Promise<OomWatch> {
  return (await import("./cgroup_oom.ts")).watchOom(path);
}
