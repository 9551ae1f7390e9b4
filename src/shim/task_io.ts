/**
 * Wires the processes of a task: to its log and to those who attach, or to what the Task API names.
 *
 * @module
 */

import type { OciProcess } from "../oci/mod.ts";
import type { LowLevelRuntime } from "../runtime/mod.ts";
import { JsonLog } from "./json_log.ts";
import { type OpenStdio, ProcessIo } from "./process_io.ts";
import type { AdoptedProcess } from "./task_api.ts";
import type { ExecStdio, TaskOptions } from "./types.ts";

/** The stdio of a container's first process. */
export async function firstIo(
  task: TaskOptions,
  process: OciProcess | undefined,
  runtime: LowLevelRuntime,
): Promise<ProcessIo> {
  const { options: { openStdin, stdinOnce }, stdio } = task;
  const open = stdio === undefined ? await logOf(task) : await stdio.open(stdio.paths);
  return new ProcessIo({ ...terminalOf(process, runtime), openStdin, stdinOnce, ...open });
}

/** The stdio of a first process that runs already. */
export function adoptedIo(task: TaskOptions, { stdout, stderr }: AdoptedProcess): ProcessIo {
  const io = ProcessIo.of([stdout, stderr], [new JsonLog(task.options.logPath!)]);
  io.beginWithClient(task.clientLeft);
  return io;
}

/** The stdio of a process that is added, which has no log. */
export async function addedIo(
  task: TaskOptions,
  { paths, openStdin }: ExecStdio,
  { process, runtime }: { readonly process: OciProcess; readonly runtime: LowLevelRuntime },
): Promise<ProcessIo> {
  const open = paths === undefined ? { sinks: [] } : await task.stdio!.open(paths);
  return new ProcessIo({ ...terminalOf(process, runtime), openStdin, stdinOnce: true, ...open });
}

/** Whether a process has a terminal, and where that is. */
function terminalOf(process: OciProcess | undefined, { relaysTerminal = false }: LowLevelRuntime) {
  return { terminal: process?.terminal === true, relaysTerminal };
}

async function logOf({ id, options }: TaskOptions): Promise<OpenStdio> {
  const { log, logPath } = options;
  if (log === undefined) return { sinks: [new JsonLog(logPath!)] };
  return { sinks: await (await import("./log/open_log.ts")).openLog(log, { id, path: logPath! }) };
}
