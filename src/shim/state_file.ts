/**
 * `state.json`: what the shim knows of its task, for everybody else, also after the shim's end.
 *
 * @module
 */

import { codeOf } from "../errors.ts";
import { readTextIfExists, replaceFile } from "../program/mod.ts";
import type { ProcessExit, TaskState } from "./types.ts";

const NOTHING: Omit<TaskState, "id" | "status"> = {
  pid: 0,
  shimPid: 0,
  shimStartTicks: 0,
  startedAt: 0,
  finishedAt: 0,
  exitCode: 0,
  oomKilled: false,
  error: "",
};

/** Replace it atomically; what is not given is zero. */
export function writeState(
  dataDir: string | undefined,
  state: Pick<TaskState, "id" | "status"> & Partial<TaskState>,
): void {
  if (dataDir === undefined) return; // nobody reads it
  replaceFile(`${dataDir}/state.json`, JSON.stringify({ ...NOTHING, ...state }));
}

/** Write it if that can be done: its directory may be removed, or the disk full. */
export function tryWriteState(...args: Parameters<typeof writeState>): void {
  try {
    writeState(...args);
  } catch {
    // Whoever waits is told all the same.
  }
}

/** What the state says of a process that this shim has. */
export function ownerState(pid: number, shimStartTicks: number): Partial<TaskState> {
  return { pid, shimPid: process.pid, shimStartTicks };
}

/** What the state says of a task's end. */
export function exitState(exit: ProcessExit | undefined): Partial<TaskState> {
  if (exit === undefined) return {};
  return { finishedAt: exit.exitedAt, exitCode: exit.exitCode, oomKilled: exit.oomKilled };
}

/**
 * Write down that a task could not be started. It has no shim then. A task that ran before keeps its
 * times and is as stopped as it was; Docker has no word for the others but "created".
 */
export function writeFailure(dataDir: string | undefined, id: string, error: unknown): void {
  if (dataDir === undefined) return;
  const text = readTextIfExists(`${dataDir}/state.json`);
  const before = text === undefined ? undefined : JSON.parse(text) as TaskState;
  writeState(dataDir, {
    id,
    status: before !== undefined && before.finishedAt > 0 ? "stopped" : "created",
    startedAt: before?.startedAt ?? 0,
    finishedAt: before?.finishedAt ?? 0,
    exitCode: failureCode(error),
    error: error instanceof Error ? error.message : String(error),
  });
}

/** Docker's exit code of a container that was not started. */
export function failureCode(error: unknown): number {
  if ((error as { operation?: unknown } | null)?.operation !== "execute") return 128;
  return codeOf(error) === "not_found" ? 127 : 126;
}
