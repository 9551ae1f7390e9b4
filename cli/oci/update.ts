/**
 * `ctr-oci update`.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { CtrError } from "../../src/errors.ts";
import { updateContainer } from "../../src/lifecycle/mod.ts";
import type { OciResources } from "../../src/oci/mod.ts";
import { parseBytes, type Parsed, UsageError } from "../flags.ts";
import { define } from "./command.ts";

const FLAGS = {
  "blkio-weight": { type: "string", help: "Weight of block I/O, 10 to 1000" },
  "cpu-burst": { type: "string", help: "CPU burst in microseconds" },
  "cpu-idle": { type: "string", help: "1 for SCHED_IDLE" },
  "cpu-period": { type: "string", help: "Period that the quota is for, in microseconds" },
  "cpu-quota": { type: "string", help: "CPU time in a period, in microseconds" },
  "cpu-rt-period": { type: "string", help: "Period of real-time scheduling, in microseconds" },
  "cpu-rt-runtime": { type: "string", help: "Real-time CPU time in a period, in microseconds" },
  "cpu-share": { type: "string", help: "CPU shares" },
  "cpuset-cpus": { type: "string", help: "CPUs that may be used" },
  "cpuset-mems": { type: "string", help: "Memory nodes that may be used" },
  "kernel-memory": { type: "string", hidden: true, help: "Obsolete" },
  "kernel-memory-tcp": { type: "string", help: "Memory of TCP buffers" },
  "memory": { type: "string", help: "Memory limit" },
  "memory-reservation": { type: "string", help: "Memory that is not taken away" },
  "memory-swap": { type: "string", help: "Memory and swap together; -1 for no limit" },
  "pids-limit": { type: "string", help: "Most processes; -1 for no limit" },
  "resources": { type: "string", short: "r", help: 'A file with limits as JSON; "-" for stdin' },
} as const;

type UpdateFlags = Parsed<typeof FLAGS>["flags"];
type Writable<T> = { -readonly [K in keyof T]: T[K] };

export const command = define({
  name: "update",
  usage: "[options] CONTAINER",
  summary: "Change the limits of a container",
  args: [1, 1],
  flags: FLAGS,
}, async ({ root }, { flags, args }) => {
  const resources = flags.resources === undefined
    ? resourcesOf(flags)
    : readResources(flags.resources);
  await updateContainer({ root, id: args[0]! }, resources);
  return 0;
});

function readResources(path: string): OciResources {
  try {
    return JSON.parse(readFileSync(path === "-" ? 0 : path, "utf8")) as OciResources;
  } catch (error) {
    const reason = (error as Error).message;
    throw new CtrError({ code: "invalid_argument", operation: "read", subject: path, reason });
  }
}

/** What the flags say. */
export function resourcesOf(flags: UpdateFlags): OciResources {
  const number = (name: keyof UpdateFlags): number | undefined => {
    const text = flags[name];
    if (text === undefined) return undefined;
    if (/^-?\d{1,19}$/.test(text)) return Number(text);
    throw bad(name, text);
  };
  const bytes = (name: keyof UpdateFlags): number | undefined => {
    const text = flags[name];
    if (text === undefined || text === "-1") return text === undefined ? undefined : -1;
    const value = parseBytes(text);
    if (value === undefined) throw bad(name, text);
    return value;
  };
  const memory = present({
    limit: bytes("memory"),
    reservation: bytes("memory-reservation"),
    swap: bytes("memory-swap"),
    kernelTCP: bytes("kernel-memory-tcp"),
  });
  const cpu = present({
    shares: number("cpu-share"),
    quota: number("cpu-quota"),
    burst: number("cpu-burst"),
    period: number("cpu-period"),
    realtimeRuntime: number("cpu-rt-runtime"),
    realtimePeriod: number("cpu-rt-period"),
    cpus: flags["cpuset-cpus"],
    mems: flags["cpuset-mems"],
    idle: number("cpu-idle"),
  });
  const pids = number("pids-limit");
  const weight = number("blkio-weight");
  const resources: Writable<OciResources> = {};
  if (memory !== undefined) resources.memory = memory;
  if (cpu !== undefined) resources.cpu = cpu;
  if (pids !== undefined) resources.pids = { limit: pids };
  if (weight !== undefined) resources.blockIO = { weight };
  return resources;
}

/** Without what nobody mentioned; undefined when that is all. */
function present<T extends Record<string, unknown>>(
  object: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function bad(flag: string, text: string): UsageError {
  const reason = `invalid value for --${flag}: ${JSON.stringify(text)}`;
  return new UsageError({ command: "update", reason, exitCode: 1 });
}
