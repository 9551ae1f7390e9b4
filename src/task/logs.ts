/**
 * Reads a container's log.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { ShimClient } from "../shim/mod.ts";
import type { Engine } from "./engine.ts";
import { execDir, logPath } from "./place.ts";
import { taskState } from "./task_state.ts";

/** A piece of a line, usually a whole one with its `\n`. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  readonly log: string;
  /** RFC 3339. */
  readonly time: string;
}

/** Which entries. */
export interface LogOptions {
  /** Go on until the container ends. */
  readonly follow?: boolean;
  /** The last so many lines. */
  readonly tail?: number;
  /** Milliseconds since the epoch. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly signal?: AbortSignal;
}

/** The entries of a log, oldest first. */
export async function* containerLogs(
  engine: Engine,
  reference: string,
  options: LogOptions = {},
): AsyncGenerator<LogEntry> {
  const record = engine.state.containers.resolve(reference, "read log");
  const fs = process.getBuiltinModule("node:fs");
  const path = logPath(engine.directories, record.id);
  if (!fs.existsSync(path)) return;
  const running = async () =>
    ["running", "paused"].includes((await taskState(engine, record)).status);
  const fd = fs.openSync(path, "r");
  // What wakes a follower: the log grew, or the container ended.
  let wake = () => {};
  let ended = !options.follow || !(await running());
  let shim: ShimClient | undefined;
  let watcher: ReturnType<typeof fs.watch> | undefined;
  try {
    if (!ended) {
      watcher = fs.watch(path, () => wake());
      shim = await ShimClient.to(execDir(engine.directories, record.id)).catch(() => undefined);
      const done = () => {
        ended = true;
        wake();
      };
      if (shim === undefined) ended = true;
      else shim.call("Wait", { id: record.id }).then(done, done);
      options.signal?.addEventListener("abort", done);
    }
    let position = 0;
    let held = "";
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(1 << 16);
    const wanted = (entry: LogEntry) => {
      const at = Date.parse(entry.time);
      return at >= (options.sinceMs ?? 0) && at <= (options.untilMs ?? Infinity);
    };
    const read = function* (): Generator<LogEntry> {
      while (true) {
        const length = fs.readSync(fd, buffer, 0, buffer.length, position);
        if (length === 0) return;
        position += length;
        const lines = (held + decoder.decode(buffer.subarray(0, length), { stream: true }))
          .split("\n");
        held = lines.pop()!;
        for (const line of lines) {
          const entry = parse(line, path);
          if (wanted(entry)) yield entry;
        }
      }
    };
    if (options.tail !== undefined) {
      const all = [...read()];
      yield* options.tail === 0 ? [] : all.slice(-options.tail);
    }
    while (true) {
      const last = ended; // what was written before the end is read after it was seen
      const more = new Promise<void>((resolve) => wake = resolve);
      yield* read();
      if (last) return;
      if (!ended) await more;
    }
  } finally {
    watcher?.close();
    shim?.close();
    fs.closeSync(fd);
  }
}

function parse(line: string, path: string): LogEntry {
  try {
    return JSON.parse(line) as LogEntry;
  } catch (cause) {
    throw new CtrError({
      code: "data_loss",
      operation: "read log",
      subject: path,
      reason: "a line is not JSON",
      cause,
    });
  }
}
