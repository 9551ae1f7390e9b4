/**
 * An exit in the words of the Task API.
 *
 * @module
 */

import type { ProcessExit } from "./types.ts";

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

/** How a process ended. */
export function exitFields(
  { exitCode, exitedAt }: ProcessExit,
): { readonly exitStatus: number; readonly exitedAt: Timestamp } {
  return { exitStatus: exitCode, exitedAt: timestampOf(exitedAt) };
}
