/**
 * The steps that say how the kernel schedules a process, its memory, and its input and output. All of
 * it is inherited over execve. Loaded only for a spec that asks for some of it.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciIoPriority, OciMemoryPolicy, OciPersonality, OciScheduler } from "../oci/mod.ts";
import type { ProgramBuilder } from "../program/mod.ts";
import { idMask } from "./id_list.ts";

/** In the order of their numbers; there is no 4 in Linux, which was kept for SCHED_ISO. */
const POLICIES = ["OTHER", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLINE"];
const SCHED_FLAGS = [
  "RESET_ON_FORK",
  "RECLAIM",
  "DL_OVERRUN",
  "KEEP_POLICY",
  "KEEP_PARAMS",
  "UTIL_CLAMP_MIN",
  "UTIL_CLAMP_MAX",
];
const IO_CLASSES = ["NONE", "RT", "BE", "IDLE"];
const MEMORY_MODES = [
  "DEFAULT",
  "PREFERRED",
  "BIND",
  "INTERLEAVE",
  "LOCAL",
  "PREFERRED_MANY",
  "WEIGHTED_INTERLEAVE",
];
/** Bits of the mode. */
const MEMORY_FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_STATIC_NODES: 1 << 15,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_NUMA_BALANCING: 1 << 13,
};

/** What `linux.memoryPolicy` can be. */
export const MEMORY_POLICIES = {
  modes: MEMORY_MODES.map((name) => `MPOL_${name}`),
  flags: Object.keys(MEMORY_FLAGS),
} as const;

/** sched_setattr(2). */
export function schedulerSteps(p: ProgramBuilder, scheduler: OciScheduler): void {
  const policy = numberOf(scheduler.policy, "SCHED_", POLICIES, "set scheduler", "policy");
  const flags = (scheduler.flags ?? []).reduce(
    (all, name) => all | 1 << numberOf(name, "SCHED_FLAG_", SCHED_FLAGS, "set scheduler", "flag"),
    0,
  );
  // With the two words for utilization clamps, which are refused in the smaller first version.
  const attr = new DataView(new ArrayBuffer(56)); // struct sched_attr
  attr.setUint32(0, 56, true);
  attr.setUint32(4, policy, true);
  attr.setBigUint64(8, BigInt(flags), true);
  attr.setInt32(16, scheduler.nice ?? 0, true);
  attr.setUint32(20, scheduler.priority ?? 0, true);
  attr.setBigUint64(24, BigInt(scheduler.runtime ?? 0), true);
  attr.setBigUint64(32, BigInt(scheduler.deadline ?? 0), true);
  attr.setBigUint64(40, BigInt(scheduler.period ?? 0), true);
  p.step("sched_setattr", [0, new Uint8Array(attr.buffer), 0], {
    name: "set scheduler",
    subject: scheduler.policy,
  });
}

/** ioprio_set(2). */
export function ioPrioritySteps(
  p: ProgramBuilder,
  { class: name, priority = 0 }: OciIoPriority,
): void {
  const IOPRIO_WHO_PROCESS = 1;
  const number = numberOf(name, "IOPRIO_CLASS_", IO_CLASSES, "set I/O priority", "class");
  p.step("ioprio_set", [IOPRIO_WHO_PROCESS, 0, (number << 13) | priority], {
    name: "set I/O priority",
    subject: name,
  });
}

/** set_mempolicy(2). Which nodes a mode needs is the kernel's to say. */
export function memoryPolicySteps(
  p: ProgramBuilder,
  { mode: name, nodes = "", flags = [] }: OciMemoryPolicy,
): void {
  const about = { name: "set memory policy", subject: name };
  const mode = flags.reduce((all, flag) => {
    const bit = MEMORY_FLAGS[flag];
    if (bit === undefined) throw unknown(about.name, flag, "flag");
    return all | bit;
  }, numberOf(name, "MPOL_", MEMORY_MODES, about.name, "mode"));
  if (nodes === "") {
    p.step("set_mempolicy", [mode, 0, 0], about);
    return;
  }
  const mask = idMask(nodes, "use memory nodes");
  // The kernel takes one bit less than it is told.
  p.step("set_mempolicy", [mode, mask, mask.length * 8 + 1], about);
}

/** personality(2): which machine uname(2) tells. */
export function personalitySteps(p: ProgramBuilder, { domain }: OciPersonality): void {
  const PER: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };
  const number = PER[domain];
  if (number === undefined) throw unknown("set personality", domain, "domain");
  p.step("personality", [number], { name: "set personality", subject: domain });
}

/** sched_setaffinity(2): on which processors. */
export function affinitySteps(p: ProgramBuilder, cpus: string): void {
  const mask = idMask(cpus, "set CPU affinity");
  p.step("sched_setaffinity", [0, mask.length, mask], { name: "set CPU affinity", subject: cpus });
}

function numberOf(
  name: string,
  prefix: string,
  names: readonly string[],
  operation: string,
  what: string,
): number {
  const number = name.startsWith(prefix) ? names.indexOf(name.slice(prefix.length)) : -1;
  if (number < 0) throw unknown(operation, name, what);
  return number;
}

function unknown(operation: string, subject: string, what: string): CtrError {
  const reason = `there is no such ${what}`;
  return new CtrError({ code: "invalid_argument", operation, subject, reason });
}
