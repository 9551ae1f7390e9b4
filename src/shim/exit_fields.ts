/**
 * Exits and states in the words of the Task API.
 *
 * @module
 */

import type { ProcessExit, ProcessState } from "./types.ts";

/** Time since the epoch: google.protobuf.Timestamp. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** @param ms since the epoch */
export function timestampOf(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** containerd.v1.types.Status */
const STATUS = { created: 1, running: 2, stopped: 3, paused: 4, restarting: 3 } as const;

/** What is known of a process. */
export function stateFields({ status, exit, ...more }: ProcessState): Record<string, unknown> {
  return { ...more, status: STATUS[status], ...exit === undefined ? {} : exitFields(exit) };
}

/** How a process ended. */
export function exitFields(
  { exitCode, exitedAt }: ProcessExit,
): { readonly exitStatus: number; readonly exitedAt: Timestamp } {
  return { exitStatus: exitCode, exitedAt: timestampOf(exitedAt) };
}
