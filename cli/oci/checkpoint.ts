/**
 * `ctr-oci checkpoint`.
 *
 * @module
 */

import { CtrError } from "../../src/errors.ts";
import { stateOf } from "../../src/lifecycle/mod.ts";
import { define } from "./command.ts";

/** The flags that callers pass to both commands. */
export const CRIU_FLAGS = {
  "image-path": { type: "string", help: "Where the images are" },
  "work-path": { type: "string", help: "Where logs and other files of the work go" },
  "parent-path": { type: "string", help: "Where images of an earlier dump are" },
  "tcp-established": { type: "bool", help: "Allow open TCP connections" },
  "ext-unix-sk": { type: "bool", help: "Allow external unix sockets" },
  "shell-job": { type: "bool", help: "Allow shell jobs" },
  "file-locks": { type: "bool", help: "Handle file locks" },
  "lazy-pages": { type: "bool", help: "Migrate memory on demand" },
  "status-fd": { type: "string", help: "Where criu says that it is ready" },
  "page-server": { type: "string", help: "ADDRESS:PORT of the page server" },
  "manage-cgroups-mode": { type: "string", help: "soft, full, strict or ignore" },
  "empty-ns": { type: "list", help: "Make a namespace, but do not restore what it has" },
  "auto-dedup": { type: "bool", help: "Deduplicate memory images" },
  "lsm-profile": { type: "string", help: "TYPE:NAME of the LSM profile" },
  "lsm-mount-context": { type: "string", help: "The LSM context of mounts" },
} as const;

/** There is no other answer: a container that only seems to be saved would be lost. */
export function noCriu(operation: string): CtrError {
  return new CtrError({
    code: "not_implemented",
    operation,
    reason: "checkpoint and restore through CRIU are not supported yet",
  });
}

export const command = define({
  name: "checkpoint",
  usage: "[options] CONTAINER",
  summary: "Save a running container",
  args: [1, 1],
  flags: {
    ...CRIU_FLAGS,
    "leave-running": { type: "bool", help: "Let it run on" },
    "pre-dump": { type: "bool", help: "Dump the memory only and let it run on" },
  },
}, async ({ root }, { args }) => {
  stateOf({ root, id: args[0]! });
  throw noCriu("checkpoint");
});
