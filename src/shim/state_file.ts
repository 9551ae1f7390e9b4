/**
 * `state.json`: what the shim knows of its task, for everybody else, also after the shim's end.
 *
 * @module
 */

import { codeOf } from "../errors.ts";
import { readTextIfExists, replaceFile } from "../program/mod.ts";
import type { TaskState } from "./types.ts";

/** Replace it atomically. */
export function writeState(dataDir: string, state: TaskState): void {
  replaceFile(`${dataDir}/state.json`, JSON.stringify(state));
}

/**
 * Write down that a task could not be started. It has no shim then. A task that ran before keeps its
 * times and is as stopped as it was; Docker has no word for the others but "created".
 */
export function writeFailure(dataDir: string, id: string, error: unknown): void {
  const text = readTextIfExists(`${dataDir}/state.json`);
  const before = text === undefined ? undefined : JSON.parse(text) as TaskState;
  writeState(dataDir, {
    id,
    status: before !== undefined && before.finishedAt > 0 ? "stopped" : "created",
    pid: 0,
    shimPid: 0,
    shimStartTicks: 0,
    startedAt: before?.startedAt ?? 0,
    finishedAt: before?.finishedAt ?? 0,
    exitCode: failureCode(error),
    oomKilled: false,
    error: error instanceof Error ? error.message : String(error),
  });
}

/** Docker's exit code of a container that was not started. */
export function failureCode(error: unknown): number {
  if ((error as { operation?: unknown } | null)?.operation !== "execute") return 128;
  return codeOf(error) === "not_found" ? 127 : 126;
}
