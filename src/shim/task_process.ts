/**
 * One process of a task, as the shim keeps it.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { RuntimeProcess } from "../runtime/mod.ts";
import type { ProcessIo } from "./process_io.ts";
import type { ProcessExit } from "./types.ts";

/** A process that was made: it waits for its start, runs, or has ended. */
export interface Process {
  readonly io: ProcessIo;
  readonly runtime: RuntimeProcess;
  started: boolean;
  /** Set as soon as it was reaped; `exited` resolves later, when its output is through. */
  exit: ProcessExit | undefined;
  readonly exited: Promise<ProcessExit>;
  readonly setExited: (exit: ProcessExit) => void;
}

/** A process that waits for its start. */
export function newProcess(io: ProcessIo, runtime: RuntimeProcess): Process {
  let setExited!: (exit: ProcessExit) => void;
  const exited = new Promise<ProcessExit>((resolve) => setExited = resolve);
  return { io, runtime, started: false, exit: undefined, exited, setExited };
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
