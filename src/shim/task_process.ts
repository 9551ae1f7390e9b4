/**
 * One process of a task, as the shim keeps it.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { kill, readTextIfExists, waitFor } from "../program/mod.ts";
import type { LowLevelProcess } from "../runtime/mod.ts";
import type { ProcessIo } from "./process_io.ts";
import type { CreateTaskOptions } from "./task_api.ts";
import type { ProcessExit, ProcessState, StdioPaths } from "./types.ts";

/** A process that was made: it waits for its start, runs, or has ended. */
export interface Process {
  readonly io: ProcessIo;
  readonly runtime: LowLevelProcess;
  /** Its streams, where they have names. */
  readonly paths: StdioPaths | undefined;
  started: boolean;
  /** Its runtime is about to start or to end it: how it ended is looked at after that. */
  busy: boolean;
  /** Its stdio is connected here. */
  begun: boolean;
  /** Set as soon as it was reaped; `exited` resolves later, when its output is through. */
  exit: ProcessExit | undefined;
  readonly exited: Promise<ProcessExit>;
  readonly setExited: (exit: ProcessExit) => void;
}

/** A process that waits for its start. */
export function newProcess(
  io: ProcessIo,
  runtime: LowLevelProcess,
  paths?: StdioPaths,
): Process {
  let setExited!: (exit: ProcessExit) => void;
  const exited = new Promise<ProcessExit>((resolve) => setExited = resolve);
  io.onStdinEnd = () => runtime.closeStdin?.();
  const state = { started: false, busy: false, begun: false, exit: undefined };
  return { io, runtime, paths, ...state, exited, setExited };
}

/** It exists: read what it writes, to the end. */
export function begin(process: Process): void {
  if (process.begun) return;
  process.begun = true;
  process.io.begin(process.runtime.console);
}

/** It never was, should it not have begun: what its runtime wrote instead is not its output. */
export function abandonStdio(process: Process): void {
  if (process.begun) return;
  process.begun = true;
  process.io.abandon();
}

/** What is known of it. @param task.live its status while it runs */
export function processState(
  { runtime: { pid }, started, exit, paths }: Process,
  { live, bundle }: Pick<ProcessState, "bundle"> & { readonly live: ProcessState["status"] },
): ProcessState {
  const status = exit !== undefined ? "stopped" : started ? live : "created";
  return { ...paths, pid, status, exit, bundle };
}

/** Send it a signal. Returns whether it was there. */
export async function signal({ runtime, exit }: Process, number: number): Promise<boolean> {
  if (exit !== undefined || runtime.pid === 0) return false;
  return await (runtime.kill?.(number) ?? kill(runtime.pid, number));
}

/** A process that was started by somebody else. */
export function runningProcess(io: ProcessIo, pid: number): Process {
  const nothing = () => {};
  const runtime = { pid, console: undefined, keeper: undefined, start: nothing, abandon: nothing };
  return { ...newProcess(io, runtime), started: true, begun: true };
}

/**
 * The one child that this process was born with, or how it ended.
 *
 * @param candidates processes among which it is, as soon as it is in its cgroup
 */
export async function onlyChild(
  candidates: () => Promise<readonly number[]>,
): Promise<{ readonly pid: number; readonly exitCode?: number }> {
  const ANY = -1;
  while (true) {
    const ended = waitFor(ANY);
    if (ended !== undefined) return ended;
    for (const pid of await candidates()) {
      const stat = readTextIfExists(`/proc/${pid}/stat`) ?? "";
      const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(parent) === globalThis.process.pid) return { pid };
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The error about a task that a client only believes in. */
export function noSuchTask(subject: string): CtrError {
  return new CtrError({
    code: "not_found",
    operation: "find task",
    subject,
    reason: "no such task",
  });
}

/** The error about a process that a client only believes in. */
export function noSuchProcess(subject: string): CtrError {
  const reason = "no such process";
  return new CtrError({ code: "not_found", operation: "find process", subject, reason });
}

/** The error about a signal that came too late. */
export function hasEnded(subject: string): CtrError {
  const reason = "process already finished";
  return new CtrError({ code: "not_found", operation: "signal", subject, reason });
}

/** The error about a second process with the same id. */
export function processExists(subject: string): CtrError {
  const reason = "there is a process with this id";
  return new CtrError({ code: "already_exists", operation: "exec", subject, reason });
}

/** The error about what a task cannot do now. */
export function wrongState(subject: string, operation: string, reason: string): CtrError {
  return new CtrError({ code: "failed_precondition", operation, subject, reason });
}

/** Its network has nothing more to do with it. Should that fail, it is swept when somebody wants it. */
export async function releaseNetwork(
  id: string,
  { network }: Pick<CreateTaskOptions, "network">,
): Promise<void> {
  if (network === undefined) return;
  try {
    await (await import("../network/mod.ts")).releaseContainer(network, id);
  } catch {
    // Whoever waits for the end is told of it all the same.
  }
}
