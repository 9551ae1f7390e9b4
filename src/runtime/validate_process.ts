/**
 * The rules for a spec's process.
 *
 * @module
 */

import { CAPABILITIES } from "../linux/mod.ts";
import type { OciProcess, OciSpec } from "../oci/mod.ts";
import { refuse } from "./validate_rule.ts";

/** 2^32-1 means "leave it as it is" to the kernel. */
const MAX_ID = 0xfffffffe;
const MAX_NICE = 19;
const MAX_IO_PRIORITY = 7;

/** All of them. */
export function validateProcess({ process }: OciSpec, warn: (text: string) => void): void {
  if (process === undefined) throw refuse("process", "process property must not be empty");
  const { args, env = [], cwd } = process;
  if (!isStrings(args) || args.length === 0) throw refuse("process.args", "args must not be empty");
  if (!isStrings(env)) throw refuse("process.env", "it is no list of strings");
  const nameless = env.find((entry) => !/^[^=]+=/.test(entry));
  if (nameless !== undefined) {
    throw refuse("process.env", `invalid environment variable: ${JSON.stringify(nameless)}`);
  }
  if (typeof cwd !== "string" || cwd === "") {
    throw refuse("process.cwd", "Cwd property must not be empty");
  }
  if (!cwd.startsWith("/")) throw refuse("process.cwd", "Cwd must be an absolute path");
  user(process);
  scheduling(process);
  unknownCapabilities(process, warn);
}

function isStrings(list: unknown): list is readonly string[] {
  return Array.isArray(list) && list.every((entry) => typeof entry === "string");
}

function user({ user }: OciProcess): void {
  const { uid, gid, additionalGids = [] } = user ?? {};
  const ids = [["uid", uid], ["gid", gid]] as const;
  for (
    const [name, id] of [
      ...ids,
      ...additionalGids.map((id) => ["additionalGids", id] as const),
    ]
  ) {
    if (!Number.isInteger(id) || id! < 0 || id! > MAX_ID) {
      throw refuse(`process.user.${name}`, `${JSON.stringify(id)} is no id from 0 to ${MAX_ID}`);
    }
  }
}

function scheduling({ scheduler, ioPriority }: OciProcess): void {
  if (scheduler !== undefined) {
    const wrong = (reason: string) => refuse("process.scheduler", reason);
    const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
    if (!policy) throw wrong("scheduler policy is required");
    const nicely = policy === "SCHED_OTHER" || policy === "SCHED_BATCH";
    if (nicely && (nice < -20 || nice > MAX_NICE)) {
      throw wrong(`invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`);
    }
    if (priority !== 0 && policy !== "SCHED_FIFO" && policy !== "SCHED_RR") {
      throw wrong("scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
    }
    if (policy !== "SCHED_DEADLINE" && (runtime !== 0 || deadline !== 0 || period !== 0)) {
      throw wrong(
        "scheduler runtime/deadline/period can only be specified for SchedDeadline policy",
      );
    }
  }
  const priority = ioPriority?.priority ?? 0;
  if (!(priority >= 0 && priority <= MAX_IO_PRIORITY)) {
    throw refuse("process.ioPriority", `invalid ioPriority.Priority: ${priority}`);
  }
}

function unknownCapabilities(
  { capabilities = {} }: OciProcess,
  warn: (text: string) => void,
): void {
  const unknown = new Set(
    Object.values(capabilities).flat().filter((name) => !CAPABILITIES.includes(name)),
  );
  if (unknown.size > 0) {
    warn(`ignoring unknown or unavailable capabilities: ${[...unknown].join(", ")}`);
  }
}
