/**
 * A timeline of what the engine does, in memory until somebody asks for it. Off by default and then
 * free: every call is one test of a variable. This module imports nothing.
 *
 * The output is the Chrome trace event format, which Perfetto and `chrome://tracing` read:
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 *
 * @module
 */

/** One complete event (`ph: "X"`); times in microseconds since the epoch. */
export interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: "X";
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

let events: TraceEvent[] | undefined;
let processId = 0;

/** Start to collect events under this process id. Calling it again keeps what was collected. */
export function enableTrace(pid: number): void {
  events ??= [];
  processId = pid;
}

/** True while events are collected; guards the work of making arguments for {@link mark}. */
export function tracing(): boolean {
  return events !== undefined;
}

/** The present moment in microseconds since the epoch, comparable between processes of one host. */
export function now(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

/** Record a phase that began at `startUs` (from {@link now}) and ends now or at `endUs`. */
export function mark(
  name: string,
  startUs: number,
  options: { endUs?: number; cat?: string; args?: Readonly<Record<string, unknown>> } = {},
): void {
  if (events === undefined) return;
  const endUs = options.endUs ?? now();
  events.push({
    name,
    cat: options.cat ?? "ctr",
    ph: "X",
    ts: startUs,
    dur: Math.max(0, endUs - startUs),
    pid: processId,
    tid: processId,
    ...(options.args === undefined ? {} : { args: options.args }),
  });
}

/** Run a phase and record it; nothing is recorded or allocated while tracing is off. */
export function span<T>(name: string, work: () => T): T {
  if (events === undefined) return work();
  const start = now();
  const result = work();
  if (result instanceof Promise) {
    return result.finally(() => mark(name, start)) as T;
  }
  mark(name, start);
  return result;
}

/** What was collected so far, to be merged with another process's events or written to a file. */
export function traceEvents(): readonly TraceEvent[] {
  return events ?? [];
}

/** Add events that another process of ours collected. */
export function addTraceEvents(more: readonly TraceEvent[]): void {
  events?.push(...more);
}
