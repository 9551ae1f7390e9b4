/**
 * The shim: a process that owns one container, its stdio, log and exit, and outlives whoever started
 * it. It is spoken to in the verbs of containerd's shim v2 Task API (ttrpc).
 *
 * Life cycle: `spawnShim` (a connected socketpair, so no address has to be waited for) → `create` →
 * `start` → … `wait` → `delete` → the shim ends when its last task is deleted, or, when it has no
 * client left and its task has ended, after it wrote the exit to `state.json`.
 *
 * Per container:
 *   DATA/containers/ID/config.json   the OCI bundle
 *   DATA/containers/ID/state.json    TaskState, replaced atomically by the shim
 *   DATA/containers/ID/ID-json.log   Docker's json-file log
 *   EXEC/ID/shim.sock                ttrpc + attach, mode 0600, directory 0700
 *
 * @module
 */

import type { LowLevelRuntime, RootfsMount } from "../runtime/mod.ts";
import type { OpenStdio } from "./process_io.ts";
import type { CreateTaskOptions } from "./task_api.ts";

/** What the shim knows of its task, as stored in `state.json`. */
export interface TaskState {
  readonly id: string;
  readonly status: "created" | "running" | "paused" | "stopped" | "restarting";
  readonly pid: number;
  readonly shimPid: number;
  /** Start time of the shim in clock ticks (/proc/PID/stat field 22): pids are reused. */
  readonly shimStartTicks: number;
  /** Milliseconds since the epoch; 0 when it did not happen yet. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** 128+n when a signal ended it. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** How often its policy has started it again; while it is restarting, with the start to come. */
  readonly restartCount?: number;
  /** How long that start was waited for. */
  readonly restartDelayMs?: number;
  /** Somebody stopped it: after a reboot, `unless-stopped` leaves it alone. */
  readonly stoppedByRequest?: boolean;
  /** One line, when the start failed. */
  readonly error: string;
}

/** Exit of a task's init or of an exec. */
export interface ProcessExit {
  readonly exitCode: number;
  readonly exitedAt: number;
  readonly oomKilled: boolean;
}

/** A process's streams as the Task API names them; empty: none. */
export interface StdioPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

/** What is known of a process. */
export interface ProcessState extends Partial<StdioPaths> {
  readonly pid: number;
  readonly status: TaskState["status"];
  readonly exit: ProcessExit | undefined;
  readonly bundle: string;
}

/** The names in a request, and nothing else of it. */
export function pathsOf({ stdin, stdout, stderr, terminal }: StdioPaths): StdioPaths {
  return { stdin, stdout, stderr, terminal };
}

/** The streams of a process that is added: named, or for clients that attach. */
export interface ExecStdio {
  readonly openStdin: boolean;
  readonly paths?: StdioPaths;
}

/** How a task is made. */
export interface TaskOptions {
  readonly id: string;
  /** Directory with `config.json`. */
  readonly bundle: string;
  readonly rootfs: readonly RootfsMount[];
  readonly options: CreateTaskOptions;
  /** Streams that are named, and how they are opened; absent: it has a log, and clients attach. */
  readonly stdio?: {
    readonly paths: StdioPaths;
    open(paths: StdioPaths): Promise<OpenStdio>;
  };
  /** What makes its processes; default: what the options say. */
  readonly runtime?: LowLevelRuntime;
  /** Look again which children of the shim have ended. */
  readonly reapAgain: () => void;
  /** Resolves when a client is gone that had a connection from the beginning. */
  readonly clientLeft: Promise<void>;
  readonly shimStartTicks: number;
}
