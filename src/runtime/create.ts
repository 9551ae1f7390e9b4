/**
 * From a bundle to a process that stands before execve.
 *
 * @module
 */

import { close, pipe, spawn } from "../program/mod.ts";
import type { OciResources, OciSpec } from "../oci/mod.ts";
import { span } from "../trace.ts";
import { cgroupLayout, checkedCgroupPath, type MadeCgroups, removeDirectories } from "./cgroup.ts";
import { compile } from "./compile.ts";
import type { Compiled, HostFacts } from "./compile_types.ts";
import { factsOf } from "./facts.ts";
import { mapIds } from "./id_maps.ts";
import { atStation, Child, handOver, readyProcess, Rendezvous } from "./process.ts";
import { keptFds } from "./process_steps.ts";
import { type RareSteps, rareSteps } from "./rare.ts";
import { type Filter, filterOf } from "./seccomp_steps.ts";
import type { CreateOptions, RuntimeProcess } from "./types.ts";

/** Where a container's cgroups are below their hierarchies. */
export function cgroupPathOf(
  { id, spec }: { readonly id: string; readonly spec: OciSpec },
): string {
  return checkedCgroupPath(spec.linux?.cgroupsPath || `/ctr/${id}`);
}

/**
 * Whether a process of this spec can have a keeper: not one that takes more than one clone, or a
 * conversation with its parent, to come to be.
 */
export function keepable({ process, linux = {} }: OciSpec): boolean {
  return process?.terminal !== true && process?.oomScoreAdj === undefined &&
    !(linux.namespaces ?? []).some(({ type, path }) =>
      type === "user" || type === "time" || (path ?? "") !== ""
    );
}

/**
 * Start a process that has done everything but execve.
 *
 * @throws {SyscallError} when a step fails; `operation` is the step. Nothing is left behind then.
 */
export async function create(options: CreateOptions): Promise<RuntimeProcess> {
  const { resources } = options.spec.linux ?? {};
  const facts = span("facts", () => factsOf(options));
  const seccomp = await span("seccomp", () => filterOf(options.spec));
  const rare = await rareSteps(options.spec);
  const cgroups = await span("cgroup", () => makeCgroups(cgroupPathOf(options), resources));
  try {
    return await startIn(cgroups, options, facts, { seccomp, rare });
  } catch (error) {
    removeDirectories(cgroups.made);
    throw error;
  } finally {
    if (cgroups.fd !== undefined) close(cgroups.fd);
  }
}

async function makeCgroups(
  path: string,
  resources: OciResources | undefined,
): Promise<MadeCgroups> {
  const layout = cgroupLayout();
  return layout.version === 1
    ? await (await import("./cgroup_v1.ts")).makeV1(layout, path, resources)
    : await (await import("./cgroup_v2.ts")).makeV2(layout, path, resources);
}

async function startIn(
  cgroups: MadeCgroups,
  options: CreateOptions,
  facts: HostFacts,
  made: { readonly seccomp: Filter | undefined; readonly rare: RareSteps | undefined },
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
        parentFds: rendezvous.parentFds,
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
          copyMemory: compiled.copyMemory,
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
  if (compiled.second !== undefined) child.follow(compiled.second);
  if (compiled.waitsForMapping) {
    try {
      mapIds(child.pid, spec.linux ?? {});
      rendezvous.go();
    } catch (error) {
      // The process may have ended before: its own reason says more.
      const failure = child.spawned.failure() === undefined ? error : child.failure("start");
      child.giveUp();
      throw failure;
    }
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
