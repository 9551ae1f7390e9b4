/**
 * One process of a task, as the shim keeps it.
 *
 * @module
 */

import type { OciProcess } from "../oci/mod.ts";
import type { RuntimeProcess } from "../runtime/mod.ts";
import type { ProcessIo } from "./process_io.ts";
import type { ProcessExit } from "./types.ts";

/** A process of the task. */
export interface Process {
  readonly io: ProcessIo;
  runtime: RuntimeProcess | undefined;
  /** Set for added processes until they are started. */
  readonly spec: OciProcess;
  readonly exited: Promise<ProcessExit>;
  readonly setExited: (exit: ProcessExit) => void;
  exit: ProcessExit | undefined;
}

/** A process that was not made yet. */
export function newProcess(io: ProcessIo, spec: OciProcess): Process {
  let setExited!: (exit: ProcessExit) => void;
  const exited = new Promise<ProcessExit>((resolve) => setExited = resolve);
  return { io, spec, runtime: undefined, exited, setExited, exit: undefined };
}
