/**
 * Creates a container whose process waits for `start`.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { launch } from "./launch.ts";
import { writeScripts } from "./scripts.ts";
import type { CreateOptions } from "./types.ts";

/**
 * Create it: namespaces, mounts, cgroups and hooks are done when this returns, and the process stands
 * before execve. It is a child of this process, which may end.
 *
 * @throws {CtrError} `already_exists`, `invalid_argument` for a bundle that makes no sense, and what
 * the runtime throws
 */
export async function createContainer(options: CreateOptions): Promise<void> {
  const launched = await launch({ ...options, gated: true });
  writeScripts(launched);
  launched.process.leave();
}

/**
 * A terminal whose other end nobody would have is a mistake, and so is a socket for none.
 *
 * @throws {CtrError} `invalid_argument`
 */
export function checkConsole(
  { terminal, detached, consoleSocket }: {
    readonly terminal: boolean;
    readonly detached: boolean;
    readonly consoleSocket: string | undefined;
  },
): void {
  const reason = terminal && detached && consoleSocket === undefined
    ? "cannot allocate tty if ctr-oci will detach without setting console socket"
    : consoleSocket !== undefined && !(terminal && detached)
    ? "cannot use console socket if ctr-oci will not detach or allocate tty"
    : undefined;
  if (reason === undefined) return;
  throw new CtrError({ code: "invalid_argument", operation: "use terminal", reason });
}
