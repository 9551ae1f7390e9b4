/**
 * The flags that `checkpoint` and `restore` have in common.
 *
 * @module
 */

import type { CheckpointOptions } from "../../src/lifecycle/mod.ts";
import { type Flags, type Parsed, UsageError } from "../flags.ts";
import { absolute } from "./launch_flags.ts";

/** The flags. */
export const CRIU_FLAGS = {
  "image-path": { type: "string", help: "Where the images are (default: ./checkpoint)" },
  "work-path": { type: "string", help: "Where logs go (default: where the images are)" },
  "tcp-established": { type: "bool", help: "Allow open TCP connections" },
  "ext-unix-sk": { type: "bool", help: "Allow external unix sockets" },
  "shell-job": { type: "bool", help: "Allow shell jobs" },
  "file-locks": { type: "bool", help: "Handle file locks" },
  "lazy-pages": { type: "bool", help: "Migrate memory on demand" },
  "manage-cgroups-mode": { type: "string", help: "soft (default), full, strict or ignore" },
  "empty-ns": { type: "list", help: "Make a namespace, but do not restore what it has: network" },
  "auto-dedup": { type: "bool", help: "Deduplicate memory images" },
} as const satisfies Flags;

/** What they mean. */
export function criuOptions(
  flags: Parsed<typeof CRIU_FLAGS>["flags"],
): Omit<CheckpointOptions, "criu" | "root" | "id"> {
  const imagePath = absolute(flags["image-path"] ?? "checkpoint");
  return {
    imagePath,
    workPath: flags["work-path"] === undefined ? imagePath : absolute(flags["work-path"]),
    tcpEstablished: flags["tcp-established"],
    externalUnixSockets: flags["ext-unix-sk"],
    shellJob: flags["shell-job"],
    fileLocks: flags["file-locks"],
    lazyPages: flags["lazy-pages"],
    manageCgroups: flags["manage-cgroups-mode"],
    emptyNamespaces: flags["empty-ns"],
    autoDedup: flags["auto-dedup"],
  };
}

/** A descriptor that the caller has opened for us. */
export function statusFd(text: string | undefined): number | undefined {
  if (text === undefined || text === "-1") return undefined;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  const reason = `--status-fd takes a descriptor, not ${JSON.stringify(text)}`;
  throw new UsageError({ command: "checkpoint", reason });
}
