/**
 * The steps that say how the kernel schedules a process and its input and output.
 *
 * @module
 */

import type { OciProcess } from "../oci/mod.ts";
import type { ProgramBuilder } from "../program/mod.ts";

/** Scheduling and I/O priority, which are inherited over execve. */
export function schedulingSteps(p: ProgramBuilder, process: OciProcess): void {
  const { scheduler, ioPriority } = process;
  if (scheduler !== undefined) {
    const policies = ["OTHER", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLINE"];
    const flags: Readonly<Record<string, number>> = {
      SCHED_FLAG_RESET_ON_FORK: 1,
      SCHED_FLAG_RECLAIM: 2,
      SCHED_FLAG_DL_OVERRUN: 4,
      SCHED_FLAG_KEEP_POLICY: 8,
      SCHED_FLAG_KEEP_PARAMS: 16,
      SCHED_FLAG_UTIL_CLAMP_MIN: 32,
      SCHED_FLAG_UTIL_CLAMP_MAX: 64,
    };
    const attr = new DataView(new ArrayBuffer(48)); // struct sched_attr
    attr.setUint32(0, 48, true);
    attr.setUint32(4, policies.indexOf(scheduler.policy.replace(/^SCHED_/, "")), true);
    const sum = (scheduler.flags ?? []).reduce((all, flag) => all | (flags[flag] ?? 0), 0);
    attr.setBigUint64(8, BigInt(sum), true);
    attr.setInt32(16, scheduler.nice ?? 0, true);
    attr.setUint32(20, scheduler.priority ?? 0, true);
    attr.setBigUint64(24, BigInt(scheduler.runtime ?? 0), true);
    attr.setBigUint64(32, BigInt(scheduler.deadline ?? 0), true);
    attr.setBigUint64(40, BigInt(scheduler.period ?? 0), true);
    p.step("sched_setattr", [0, new Uint8Array(attr.buffer), 0], { name: "set scheduler" });
  }
  if (ioPriority !== undefined) {
    const IOPRIO_WHO_PROCESS = 1;
    const classes = ["", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];
    const value = (classes.indexOf(ioPriority.class) << 13) | (ioPriority.priority ?? 0);
    p.step("ioprio_set", [IOPRIO_WHO_PROCESS, 0, value], { name: "set I/O priority" });
  }
}
