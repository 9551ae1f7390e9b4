/**
 * Where a container is in its life: read from the kernel, so it is right whatever crashed.
 *
 * @module
 */

import { close, exists, readText, readTextIfExists } from "../program/mod.ts";
import { frozenAt } from "../runtime/mod.ts";
import { directoryOf, readRecord } from "./directory.ts";
import { noContainer } from "./errors.ts";
import { reachGate } from "./gate.ts";
import type {
  Container,
  ContainerRecord,
  ContainerRef,
  ContainerState,
  ContainerStatus,
} from "./types.ts";

/** When a process started, in clock ticks since boot; undefined when it has ended. */
export function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readText(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  // After the name in parentheses, which may hold anything, comes field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[22 - 3]];
  return state === "Z" || state === "X" ? undefined : startTime;
}

/** Whether the container's first process has not ended. */
export function isAlive({ pid, startTime }: ContainerRecord): boolean {
  return startTimeOf(pid) === startTime;
}

/** Where it is in its life. */
export function statusOf({ record, directory }: Container): ContainerStatus {
  if (!isAlive(record)) return "stopped";
  if (!exists(`${directory}/started`) && waits(directory)) return "created";
  return frozenAt(record.cgroupsPath) ? "paused" : "running";
}

/** Whether somebody has the gate open to read: a process that executes closes it. */
function waits(directory: string): boolean {
  const fd = reachGate(directory);
  if (fd !== undefined) close(fd);
  return fd !== undefined;
}

/** What the specification calls its state. @throws {CtrError} `not_found` */
export function stateOf(ref: ContainerRef): ContainerState {
  const directory = directoryOf(ref);
  const record = readRecord(directory);
  if (record !== undefined) return describe({ record, directory });
  if (!exists(directory)) throw noContainer("inspect", ref.id);
  return {
    ociVersion: "1.2.0",
    id: ref.id,
    pid: 0,
    status: "creating",
    bundle: "",
    rootfs: "",
    created: "",
    owner: "",
  };
}

/** The state of a container that has been created. */
export function describe(container: Container): ContainerState {
  const { id, bundle, rootfs, ociVersion, annotations, pid, created, uid } = container.record;
  const status = statusOf(container);
  return {
    ociVersion,
    id,
    pid: status === "stopped" ? 0 : pid,
    status,
    bundle,
    rootfs,
    created,
    ...annotations === undefined ? {} : { annotations },
    owner: nameOf(uid),
  };
}

function nameOf(uid: number): string {
  for (const line of (readTextIfExists("/etc/passwd") ?? "").split("\n")) {
    const [name = "", , number] = line.split(":");
    if (number === String(uid)) return name;
  }
  return "";
}
