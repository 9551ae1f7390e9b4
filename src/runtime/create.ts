/**
 * From a bundle to a process that stands before execve.
 *
 * @module
 */

import { close, pipe, spawn } from "../program/mod.ts";
import type { OciResources, OciSpec } from "../oci/mod.ts";
import { span } from "../trace.ts";
import {
  cgroupLayout,
  type CgroupPath,
  checkedCgroupPath,
  type MadeCgroups,
  mayDivide,
  removeDirectories,
} from "./cgroup.ts";
import { compile, hasNetDevices } from "./compile.ts";
import type { Compiled, CompileInput, HostFacts } from "./compile_types.ts";
import { factsOf } from "./facts.ts";
import { mapIds } from "./id_maps.ts";
import { atStation, Child, handOver, readyProcess, Rendezvous, take } from "./process.ts";
import { keptFds } from "./process_steps.ts";
import type { RdtClass } from "./resctrl.ts";
import { rareSteps } from "./rare.ts";
import { filterOf, notifies } from "./seccomp_steps.ts";
import { type SourceTrees, sourceTrees } from "./sources.ts";
import type { CopyUp } from "./target_steps.ts";
import type { PlannedUnit } from "./systemd/unit.ts";
import type { CgroupPlace, ContainerProcess, CreateOptions, RuntimeProcess } from "./types.ts";

/** Where a container's cgroups are below their hierarchies. */
export async function cgroupPathOf(
  { id, spec }: { readonly id: string; readonly spec: OciSpec },
): Promise<CgroupPath> {
  const path = spec.linux?.cgroupsPath || `/ctr/${id}`;
  if (path.startsWith("/")) return checkedCgroupPath(path);
  return (await import("./cgroup_relative.ts")).relativeCgroupPath(path);
}

/**
 * Whether a process of this spec can have a keeper: not one that takes more than one clone, or a
 * conversation with its parent, to come to be.
 */
export function keepable({ process, linux = {} }: OciSpec): boolean {
  return process?.terminal !== true && process?.oomScoreAdj === undefined &&
    !notifies(linux.seccomp) &&
    !(linux.namespaces ?? []).some(({ type, path }) =>
      type === "user" || type === "time" || (path ?? "") !== ""
    );
}

/**
 * Start a process that has done everything but execve.
 *
 * @throws {SyscallError} when a step fails; `operation` is the step. Nothing is left behind then.
 */
export async function create(options: CreateOptions): Promise<ContainerProcess> {
  const { resources } = options.spec.linux ?? {};
  // What comes with mounts for its root is not somebody's bundle: the engine made it.
  if (options.rootfs.length === 0) await validate(options);
  const facts = span("facts", () => factsOf(options));
  const seccomp = await span("seccomp", () => filterOf(options.spec, options.filterCache));
  const rare = await rareSteps(options.spec);
  const moves = hasNetDevices(options.spec)
    ? (await import("./net_device.ts")).netDeviceMoves(options.spec)
    : undefined;
  const rdt = await serviceClass(options);
  const unit = options.cgroupManager === "systemd" ? await plan(options) : undefined;
  const place: CgroupPlace = unit?.place ??
    { driver: "cgroupfs", path: await cgroupPathOf(options) };
  const { everyHierarchy = false } = options;
  // The host's root does without none of them, so that it is known before which there will be.
  const later = facts.makesDevices && process.geteuid!() === 0;
  const cgroups = unit?.cgroups ??
    await span("cgroup", () => makeCgroups(place.path, resources, { everyHierarchy, later }));
  let sources: SourceTrees | undefined;
  try {
    rdt?.make();
    if (unit === undefined && mayDivide(options.spec)) {
      (await import("./cgroup_owner.ts")).giveCgroup(place.path, options.spec);
    }
    sources = await sourceTrees(options.spec, options.bundle);
    const complete = unit?.start ?? cgroups.rest;
    const made = { seccomp, rare, sources, complete, moves };
    const process = await startIn(cgroups, options, facts, made);
    rdt?.take(process);
    return Object.assign(process, { cgroup: place });
  } catch (error) {
    removeDirectories(cgroups.made);
    await unit?.abandon();
    rdt?.remove();
    throw error;
  } finally {
    if (cgroups.fd !== undefined) close(cgroups.fd);
    unit?.close();
    for (const fd of sources?.values() ?? []) close(fd);
  }
}

async function serviceClass({ id, spec, resctrl }: CreateOptions): Promise<RdtClass | undefined> {
  const rdt = spec.linux?.intelRdt;
  if (rdt === undefined) return undefined;
  return new (await import("./resctrl.ts")).RdtClass({ id, rdt, root: resctrl });
}

async function plan({ id, spec, systemd, keeper }: CreateOptions): Promise<PlannedUnit> {
  // systemd moves processes, but not their children.
  if (keeper !== undefined) throw new TypeError("a container in a unit cannot have a keeper");
  const { planUnit } = await import("./systemd/unit.ts");
  return await planUnit({ id, spec, manager: systemd ?? { user: false } });
}

async function validate({ spec, bundle, warn }: CreateOptions): Promise<void> {
  const { validateSpec } = await import("./validate.ts");
  const { validateHost } = await import("./validate_host.ts");
  for (const warning of validateSpec(spec)) warn?.(warning);
  validateHost(spec, bundle);
}

/** The cgroups of a new container, with their limits. The caller closes the descriptor. */
export async function makeCgroups(
  path: CgroupPath,
  resources: OciResources | undefined,
  options: { readonly everyHierarchy: boolean; readonly later?: boolean },
): Promise<MadeCgroups> {
  const layout = cgroupLayout();
  try {
    return layout.version === 1
      ? await (await import("./cgroup_v1.ts")).makeV1(layout, path, resources, options)
      : await (await import("./cgroup_v2.ts")).makeV2(layout, path, resources);
  } catch (error) {
    return (await import("./cgroup_none.ts")).withoutCgroups(error, resources);
  }
}

async function startIn(
  cgroups: MadeCgroups,
  options: CreateOptions,
  facts: HostFacts,
  { complete, moves, ...made }: Pick<CompileInput, "seccomp" | "rare" | "sources"> & {
    /** Makes what the process enters, while it waits. */
    readonly complete: ((pid: number) => Promise<void>) | undefined;
    /** Moves network devices to where a process is. */
    readonly moves: ((pid: number) => void) | undefined;
  },
): Promise<RuntimeProcess> {
  const { spec, bundle, rootfs, stdio } = options;
  const rendezvous = new Rendezvous();
  const wake = options.keeper === undefined ? undefined : pipe();
  let child: Child;
  let compiled: Compiled;
  try {
    compiled = span("compile", () =>
      compile({
        spec,
        bundle,
        rootfs,
        facts,
        ...made,
        stdio: [stdio.stdin, stdio.stdout, stdio.stderr],
        goFd: rendezvous.goFd,
        statusFd: rendezvous.statusFd,
        waitsForCgroups: complete !== undefined,
        cgroups: cgroups.entered,
        cgroupMounts: cgroups.mounts,
        gateFd: options.gateFd,
        preservedFds: options.preserveFds,
        keepKeyring: options.keepKeyring,
        noPivot: options.noPivot,
        pausesBeforePivot: options.beforePivot !== undefined,
      }));
    child = span("clone", () =>
      new Child(
        spawn(compiled.program, {
          flags: compiled.cloneFlags,
          apart: rendezvous.descriptors(options, {
            terminal: spec.process?.terminal,
            others: [
              ...options.gateFd === undefined ? [] : [options.gateFd],
              ...made.sources?.values() ?? [],
            ],
          }),
          ...cgroups.fd === undefined ? {} : { cgroupFd: cgroups.fd },
          ...wake === undefined ? {} : { keeper: { ...options.keeper!, wakeFd: wake[0] } },
        }),
        rendezvous,
        wake?.[1],
      ));
  } catch (error) {
    rendezvous.close();
    if (wake !== undefined) close(wake[1]);
    throw error;
  } finally {
    if (wake !== undefined) close(wake[0]);
  }
  if (complete !== undefined) await letGo(child, () => span("cgroups", () => complete(child.pid)));
  if (compiled.second !== undefined) child.follow(compiled.second);
  if (compiled.waitsForMapping) await letGo(child, () => mapIds(child.pid, spec.linux ?? {}));
  if (moves !== undefined) {
    const work = (pid: number) => Promise.resolve(moves(pid));
    await atStation(child, { operation: "start", work });
  }
  for (const copy of compiled.copies) {
    const work = () => copied(child, copy);
    await atStation(child, { operation: "start", work });
  }
  const { beforePivot } = options;
  if (beforePivot !== undefined) {
    await atStation(child, { operation: "start", work: beforePivot });
  }
  const { listener } = compiled;
  if (listener !== undefined) {
    const deliver = (fd: number, pid: number) => {
      const process = {
        pid,
        id: options.id,
        bundle,
        status: "creating",
        containerPid: pid,
      } as const;
      made.seccomp?.deliver?.(fd, process);
    };
    await handOver(child, { operation: "start", listener, deliver });
  }
  return span("set up", () => {
    try {
      options.meanwhile?.(child.pid);
    } catch (error) {
      child.giveUp();
      throw error;
    }
    return readyProcess(child, {
      operation: "start",
      attempts: compiled.attempts,
      process: spec.process!,
      checks: compiled.checks,
      masterFd: keptFds(options.preserveFds).master,
    });
  });
}

/** Fill a file system that a child has mounted with what it hides. */
async function copied(child: Child, { from, to, destination }: CopyUp): Promise<void> {
  const { copyUp } = await import("./copy_up.ts");
  const fds: number[] = [];
  try {
    for (const ref of [from, to]) {
      fds.push(take(child, destination, child.spawned.result(ref)));
    }
    copyUp(fds[0]!, fds[1]!, destination);
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Do what a child waits for. It may have ended before: its own reason says more. */
async function letGo(child: Child, work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
    child.rendezvous.go();
  } catch (error) {
    const failure = child.spawned.failure() === undefined ? error : child.failure("start");
    child.giveUp();
    throw failure;
  }
}
