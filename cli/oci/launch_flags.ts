/**
 * The flags that `create` and `run` have in common.
 *
 * @module
 */

import type { CreateOptions } from "../../src/lifecycle/mod.ts";
import type { Flags, Parsed } from "../flags.ts";
import type { Context } from "./command.ts";

/** The flags. */
export const LAUNCH_FLAGS = {
  "bundle": { type: "string", short: "b", help: "The bundle's directory (default: this one)" },
  "console-socket": { type: "string", help: "A unix socket that the terminal's master is sent to" },
  "no-new-keyring": { type: "bool", help: "Leave the caller's session keyring to the container" },
  "no-pivot": { type: "bool", help: "Do without pivot_root, which a ramdisk forbids" },
  "pid-file": { type: "string", help: "The file that gets the process's id" },
  "pidfd-socket": { type: "string", help: "A unix socket that a pidfd of the process is sent to" },
  "preserve-fds": {
    type: "int",
    default: 0,
    help: "How many descriptors after 0, 1 and 2 the process gets",
  },
} as const satisfies Flags;

type LaunchFlags = Parsed<typeof LAUNCH_FLAGS>["flags"];

/** What they mean. */
export async function launchOptions(
  context: Context,
  flags: LaunchFlags,
  id: string,
): Promise<CreateOptions> {
  return {
    root: context.root,
    id,
    bundle: absolute(flags.bundle ?? "."),
    consoleSocket: flags["console-socket"],
    pidfdSocket: flags["pidfd-socket"],
    pidFile: flags["pid-file"],
    preserveFds: flags["preserve-fds"] + listenFds(context),
    listenFds: listenFds(context),
    keepKeyring: flags["no-new-keyring"],
    noPivot: flags["no-pivot"],
    systemd: context.systemdCgroup
      ? (await import("./systemd_manager.ts")).systemdManager(context)
      : undefined,
    warn: context.warn,
  };
}

/** A path as it is seen from this directory. */
export function absolute(path: string): string {
  if (path === "." || path === "./") return process.cwd();
  return path.startsWith("/") ? path.replace(/(.)\/+$/, "$1") : `${process.cwd()}/${path}`;
}

/** Sockets that somebody hands on to this process, as systemd does: as many descriptors more. */
export function listenFds({ env }: Context): number {
  if (Number(env["LISTEN_PID"]) !== process.pid) return 0;
  const count = Number(env["LISTEN_FDS"] ?? "0");
  return Number.isInteger(count) && count > 0 ? count : 0;
}
