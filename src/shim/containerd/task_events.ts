/**
 * The events of tasks, as containerd's clients see them.
 *
 * @see https://github.com/containerd/containerd/blob/main/api/events/task.proto
 * @module
 */

import { type Timestamp, timestampOf } from "../exit_fields.ts";
import { type Encodable, encode, type Message } from "../protobuf.ts";
import { MOUNT, TIMESTAMP } from "../task_api.ts";

/** By the last part of their topic. */
export const EVENTS = {
  create: ["TaskCreate", {
    containerId: [1, "string"],
    bundle: [2, "string"],
    rootfs: [3, MOUNT, "repeated"],
    io: [4, {
      stdin: [1, "string"],
      stdout: [2, "string"],
      stderr: [3, "string"],
      terminal: [4, "bool"],
    }],
    checkpoint: [5, "string"],
    pid: [6, "int"],
  }],
  start: ["TaskStart", { containerId: [1, "string"], pid: [2, "int"] }],
  delete: ["TaskDelete", {
    containerId: [1, "string"],
    pid: [2, "int"],
    exitStatus: [3, "int"],
    exitedAt: [4, TIMESTAMP],
  }],
  exit: ["TaskExit", {
    containerId: [1, "string"],
    id: [2, "string"],
    pid: [3, "int"],
    exitStatus: [4, "int"],
    exitedAt: [5, TIMESTAMP],
  }],
  oom: ["TaskOOM", { containerId: [1, "string"] }],
  "exec-added": ["TaskExecAdded", { containerId: [1, "string"], execId: [2, "string"] }],
  "exec-started": ["TaskExecStarted", {
    containerId: [1, "string"],
    execId: [2, "string"],
    pid: [3, "int"],
  }],
  paused: ["TaskPaused", { containerId: [1, "string"] }],
  resumed: ["TaskResumed", { containerId: [1, "string"] }],
  checkpointed: ["TaskCheckpointed", { containerId: [1, "string"], checkpoint: [2, "string"] }],
} as const satisfies Record<string, readonly [string, Message]>;

/** The kinds of events. */
export type EventKind = keyof typeof EVENTS;

/** What an event of a kind says. */
export type EventFields<K extends EventKind> = Encodable<typeof EVENTS[K][1]>;

/** An event, packed for its way. */
export interface PackedEvent {
  readonly topic: string;
  readonly timestamp: Timestamp;
  readonly event: { readonly typeUrl: string; readonly value: Uint8Array };
}

/** Pack an event that happens now. */
export function packEvent<K extends EventKind>(kind: K, fields: EventFields<K>): PackedEvent {
  const [name, message] = EVENTS[kind];
  const value = encode(message as Message, fields as never);
  return {
    topic: `/tasks/${kind}`,
    timestamp: timestampOf(Date.now()),
    event: { typeUrl: `containerd.events.${name}`, value },
  };
}
