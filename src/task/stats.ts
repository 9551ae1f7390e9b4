/**
 * What containers use, in Docker's sense of the numbers.
 *
 * @module
 */

import { readTextIfExists } from "../program/mod.ts";
import { shimMetrics } from "../shim/mod.ts";
import type { Metrics } from "../shim/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import type { Engine } from "./engine.ts";
import { isActive, shimOf, taskState } from "./task_state.ts";

/** The counters of a running container at one moment. Sizes are bytes. */
export interface Sample {
  /** Of this machine's clock since some moment, in milliseconds. */
  readonly atMs: number;
  readonly cpuNs: number;
  /** Without the file cache that the kernel would give back first. */
  readonly memory: number;
  /** The machine's memory where the container has no limit. */
  readonly memoryLimit: number;
  readonly processes: number;
  readonly read: number;
  readonly written: number;
  readonly received: number;
  readonly sent: number;
}

/**
 * Count once; undefined for a container that does not run.
 *
 * @throws {CtrError} when its shim does not answer
 */
export async function sampleContainer(
  engine: Engine,
  record: ContainerRecord,
): Promise<Sample | undefined> {
  const state = await taskState(engine, record);
  if (!isActive(state)) return undefined;
  const shim = await shimOf(engine, record, "stats");
  try {
    const { stats } = await shim.call("Stats", { id: record.id });
    const metrics = (await shimMetrics()).readMetrics(stats);
    if (metrics === undefined) return undefined;
    const atMs = performance.now();
    const network = networkOf(readTextIfExists(`/proc/${state.pid}/net/dev`) ?? "");
    return { atMs, ...countersOf(metrics), ...network };
  } finally {
    shim.close();
  }
}

/** The percentage of one processor that was used between two samples. */
export function cpuPercent(before: Sample, after: Sample): number {
  const elapsedNs = (after.atMs - before.atMs) * 1e6;
  return elapsedNs <= 0 ? 0 : Math.max(0, (after.cpuNs - before.cpuNs) / elapsedNs * 100);
}

type Counters = Omit<Sample, "atMs" | "received" | "sent">;

/** The counters of either version of cgroups. */
export function countersOf(
  counted: Metrics,
  machine = process.getBuiltinModule("node:os").totalmem(),
): Counters {
  if (counted.version === 1) {
    const { cpu, memory, blkio, pids } = counted.metrics;
    const moved = (op: string) =>
      sum(blkio?.ioServiceBytesRecursive.filter((one) => one.op === op).map(({ value }) => value));
    return {
      cpuNs: cpu?.usage?.total ?? 0,
      memory: used(memory?.usage?.usage, memory?.total_inactive_file),
      memoryLimit: limitOf(memory?.usage?.limit, machine),
      processes: pids?.current ?? 0,
      read: moved("Read"),
      written: moved("Write"),
    };
  }
  const { cpu, memory, io, pids } = counted.metrics;
  return {
    cpuNs: (cpu?.usageUsec ?? 0) * 1000,
    memory: used(memory?.usage, memory?.inactive_file),
    memoryLimit: limitOf(memory?.usageLimit, machine),
    processes: pids?.current ?? 0,
    read: sum(io?.usage.map(({ rbytes }) => rbytes)),
    written: sum(io?.usage.map(({ wbytes }) => wbytes)),
  };
}

function used(usage = 0, inactiveFile: number | undefined): number {
  return inactiveFile !== undefined && inactiveFile < usage ? usage - inactiveFile : usage;
}

function limitOf(limit = 0, machine: number): number {
  return limit > 0 && limit < machine ? limit : machine;
}

function sum(numbers: readonly number[] = []): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** From the text of a process's `/proc/PID/net/dev`: all interfaces but the loopback. */
export function networkOf(text: string): Pick<Sample, "received" | "sent"> {
  let received = 0, sent = 0;
  for (const line of text.split("\n").slice(2)) {
    const [name, counts] = line.split(":");
    if (counts === undefined || name!.trim() === "lo") continue;
    const fields = counts.trim().split(/\s+/);
    received += Number(fields[0]);
    sent += Number(fields[8]);
  }
  return { received, sent };
}
