/**
 * Reads a container's log.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { ShimClient } from "../shim/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import type { Engine } from "./engine.ts";
import { LogFiles } from "./log_files.ts";
import { logPath } from "./place.ts";
import { shimOf } from "./task_state.ts";

/** A piece of a line, usually a whole one with its `\n`. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  readonly log: string;
  /** RFC 3339. */
  readonly time: string;
  /** What the log driver's options add. */
  readonly attrs?: Readonly<Record<string, string>>;
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

/**
 * The entries of a log, oldest first.
 *
 * @throws {CtrError} `not_found` when there is no such container
 */
export async function* containerLogs(
  engine: Engine,
  reference: string,
  options: LogOptions = {},
): AsyncGenerator<LogEntry> {
  const record = engine.state.containers.resolve(reference, "read log");
  const { existsSync } = process.getBuiltinModule("node:fs");
  const path = logPath(engine.directories, record.id);
  const { logConfig } = record.hostConfig;
  if (logConfig !== undefined && logConfig.type !== "json-file") {
    throw new CtrError({
      code: "failed_precondition",
      operation: "read log",
      subject: record.name,
      reason: "configured logging driver does not support reading",
    });
  }
  if (!existsSync(path)) return;
  const { sinceMs = 0, untilMs = Infinity } = options;
  const file = new LogFiles(path);
  let follower: Follower | undefined;
  try {
    if (options.follow) follower = await follow(engine, record, path, options.signal);
    if (options.tail !== undefined) file.seekTail(options.tail);
    while (true) {
      const last = follower?.ended ?? true; // what was written before the end is read after it
      const changed = follower?.changed();
      for (const entry of file.read()) {
        const at = Date.parse(entry.time);
        if (at > untilMs) return;
        if (at >= sinceMs) yield entry;
      }
      if (last) return;
      await changed;
    }
  } finally {
    follower?.close();
    file.close();
  }
}

/** Knows when to look again: the log grew, or the container ended. */
interface Follower {
  readonly ended: boolean;
  /** Resolves at the next change after this call. */
  changed(): Promise<void>;
  close(): void;
}

async function follow(
  engine: Engine,
  record: ContainerRecord,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Follower> {
  let next = Promise.withResolvers<void>();
  let ended = false;
  const wake = () => next.resolve();
  const end = () => {
    ended = true;
    wake();
  };
  // A file that is rotated is another one then: its directory knows of both.
  const at = path.lastIndexOf("/");
  const watcher = process.getBuiltinModule("node:fs").watch(
    path.slice(0, at),
    (_, name) => (name ?? "").startsWith(path.slice(at + 1)) && wake(),
  );
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  let shim: ShimClient | undefined;
  try {
    shim = await shimOf(engine, record, "read log");
    shim.call("Wait", { id: record.id }).then(end, end);
  } catch {
    end(); // it does not run: what is there is all there will be
  }
  return {
    get ended() {
      return ended;
    },
    changed() {
      next = Promise.withResolvers();
      if (ended) next.resolve();
      return next.promise;
    },
    close() {
      signal?.removeEventListener("abort", end);
      watcher.close();
      shim?.close();
    },
  };
}
