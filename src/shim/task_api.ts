/**
 * The messages of containerd's shim v2 Task API, and the options that our shim adds.
 *
 * @see https://github.com/containerd/containerd/blob/main/api/runtime/task/v2/shim.proto
 * @module
 */

import type { RuntimeProgram } from "../runtime/mod.ts";
import type { Message } from "./protobuf.ts";

/** The service's name on the wire; both versions have the same messages. */
export const TASK_SERVICE = "containerd.task.v2.Task";
export const TASK_SERVICES: readonly string[] = [TASK_SERVICE, "containerd.task.v3.Task"];
/** A connection that calls `Attach` here carries Docker's stdio frames from then on. */
export const ATTACH_SERVICE = "ctr.shim.v1.Attach";

/** google.protobuf.Timestamp */
export const TIMESTAMP = { seconds: [1, "int"], nanos: [2, "int"] } as const satisfies Message;
/** google.protobuf.Any */
export const ANY = { typeUrl: [1, "string"], value: [2, "bytes"] } as const satisfies Message;
const LAYER = {
  type: [1, "string"],
  source: [2, "string"],
  options: [4, "string", "repeated"],
} as const satisfies Message;
/** `lowers` is ours: an overlay's layers that are mounts themselves. */
export const MOUNT = {
  ...LAYER,
  target: [3, "string"],
  lowers: [1000, LAYER, "repeated"],
} as const satisfies Message;
const PROCESS_INFO = { pid: [1, "int"], info: [2, ANY] } as const satisfies Message;
const PROCESS = { id: [1, "string"], execId: [2, "string"] } as const satisfies Message;
/** `trace` is ours: JSON of the shim's timeline, when `Create` asked for one. */
const EXIT = {
  exitStatus: [1, "int"],
  exitedAt: [2, TIMESTAMP],
  trace: [1000, "bytes"],
} as const satisfies Message;
const EMPTY = {} as const satisfies Message;

/** Request and response of each method. */
export const METHODS = {
  Create: {
    request: {
      id: [1, "string"],
      bundle: [2, "string"],
      rootfs: [3, MOUNT, "repeated"],
      terminal: [4, "bool"],
      stdin: [5, "string"],
      stdout: [6, "string"],
      stderr: [7, "string"],
      checkpoint: [8, "string"],
      parentCheckpoint: [9, "string"],
      options: [10, ANY],
    },
    response: { pid: [1, "int"] },
  },
  Start: { request: PROCESS, response: { pid: [1, "int"] } },
  Delete: {
    request: PROCESS,
    response: { pid: [1, "int"], exitStatus: [2, "int"], exitedAt: [3, TIMESTAMP] },
  },
  Exec: {
    request: {
      id: [1, "string"],
      execId: [2, "string"],
      terminal: [3, "bool"],
      stdin: [4, "string"],
      stdout: [5, "string"],
      stderr: [6, "string"],
      spec: [7, ANY],
    },
    response: EMPTY,
  },
  ResizePty: {
    request: { id: [1, "string"], execId: [2, "string"], width: [3, "int"], height: [4, "int"] },
    response: EMPTY,
  },
  State: {
    request: PROCESS,
    response: {
      id: [1, "string"],
      bundle: [2, "string"],
      pid: [3, "int"],
      status: [4, "int"],
      stdin: [5, "string"],
      stdout: [6, "string"],
      stderr: [7, "string"],
      terminal: [8, "bool"],
      exitStatus: [9, "int"],
      exitedAt: [10, TIMESTAMP],
      execId: [11, "string"],
    },
  },
  Kill: {
    request: { id: [1, "string"], execId: [2, "string"], signal: [3, "int"], all: [4, "bool"] },
    response: EMPTY,
  },
  CloseIO: {
    request: { id: [1, "string"], execId: [2, "string"], stdin: [3, "bool"] },
    response: EMPTY,
  },
  Pids: { request: { id: [1, "string"] }, response: { processes: [1, PROCESS_INFO, "repeated"] } },
  Pause: { request: { id: [1, "string"] }, response: EMPTY },
  Resume: { request: { id: [1, "string"] }, response: EMPTY },
  Checkpoint: {
    request: { id: [1, "string"], path: [2, "string"], options: [3, ANY] },
    response: EMPTY,
  },
  Update: {
    request: {
      id: [1, "string"],
      resources: [2, ANY],
      annotations: [3, { key: [1, "string"], value: [2, "string"] }, "repeated"],
    },
    response: EMPTY,
  },
  Wait: { request: PROCESS, response: EXIT },
  Stats: { request: { id: [1, "string"] }, response: { stats: [1, ANY] } },
  Connect: {
    request: { id: [1, "string"] },
    response: { shimPid: [1, "int"], taskPid: [2, "int"], version: [3, "string"] },
  },
  Shutdown: { request: { id: [1, "string"], now: [2, "bool"] }, response: EMPTY },
} as const satisfies Record<string, { request: Message; response: Message }>;

/** A method of the Task API. */
export type Method = keyof typeof METHODS;

/** `Attach`: whose stdio. */
export const ATTACH_REQUEST = PROCESS;

/** The type of `Create.options` that our shim reads: JSON of {@link CreateTaskOptions}. */
export const OPTIONS_TYPE = "ctr.dev/CreateTaskOptions";

/** The type of the details of an error: JSON of its fields. */
export const ERROR_TYPE = "ctr.dev/Error";

/** What `Exec.stdin` is where there is one that clients attach to: no path. */
export const ATTACHED = "attached";

/** What our shim wants to know beside containerd's fields. */
export interface CreateTaskOptions {
  /** Where `state.json` goes. Absent: nobody reads it. */
  readonly dataDir?: string;
  /** Where `shim.sock` goes; made by the shim. Absent: it has one already. */
  readonly execDir?: string;
  /** Absent: the output goes where the request says. */
  readonly logPath?: string;
  /** Absent: the plain json-file log. */
  readonly log?: LogTarget;
  /** Keep the container's stdin open for clients. */
  readonly openStdin: boolean;
  /** End its stdin when the client that wrote to it goes. */
  readonly stdinOnce: boolean;
  /** Run this when the task has ended and nobody deleted it: `--rm` of a client that is gone. */
  readonly cleanup?: readonly string[];
  /** Absent: it is not started again. */
  readonly restart?: RestartOptions;
  readonly trace: boolean;
  /** It has networks: where the store is that knows of them. */
  readonly network?: { readonly data: string; readonly exec: string };
  /** Nobody waits for it in order to delete it: the shim forgets it when it has ended. */
  readonly detached?: boolean;
  /** The shim serves more containers, all by a socket in this directory. */
  readonly sharedDir?: string;
  /** Not the built-in runtime: the state of this one goes to `execDir`. */
  readonly runtime?: Omit<RuntimeProgram, "stateDir">;
  /** It runs already, and the shim, which was its keeper, takes it over. */
  readonly adopted?: AdoptedProcess;
}

/** Where a container's output is logged, when that is not the plain json-file log. */
export interface LogTarget {
  /** A driver's name, or a URI as containerd has them. */
  readonly driver: "json-file" | "none" | "journald" | "syslog" | "uri";
  /** The container, as log lines name it. */
  readonly tag: string;
  readonly name: string;
  readonly imageName: string;
  /** Labels and variables of the container that go with every line. */
  readonly attrs: Readonly<Record<string, string>>;
  /** Of json-file: a file that has grown so large is followed by another, of which so many are kept. */
  readonly maxBytes?: number;
  readonly maxFiles?: number;
  readonly uri?: string;
  readonly syslog?: SyslogTarget;
  /** `NAME=value` for a program that the URI names. */
  readonly env: readonly string[];
}

/** Where and how syslog is spoken to. */
export interface SyslogTarget {
  /** `unix:///dev/log`, `unixgram://…`, `udp://HOST:PORT`, `tcp://HOST:PORT` */
  readonly address: string;
  /** 0 to 23 */
  readonly facility: number;
  readonly format: "" | "rfc3164" | "rfc5424" | "rfc5424micro";
}

/** What is done when a container has ended. */
export interface RestartOptions {
  readonly policy: "always" | "unless-stopped" | "on-failure";
  /** Of `on-failure`; 0 is without end. */
  readonly maxRetries: number;
  /** How often it was started again, and how long that was waited for. */
  readonly count: number;
  readonly delayMs: number;
  /** Who sends this, or SIGKILL, does not want it to be started again. */
  readonly stopSignal: number;
  /** The command that starts it. */
  readonly argv: readonly string[];
}

/** The first process of a container that was made before its shim was a shim: its only child. */
export interface AdoptedProcess {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** What the shim inherited: the read ends of its output. */
  readonly stdout: number;
  readonly stderr: number;
}

/** gRPC codes by ours; see `docs` of the error family. */
export const GRPC_CODES: Readonly<Record<string, number>> = {
  canceled: 1,
  internal: 13,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  conflict: 10,
  not_implemented: 12,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
};
