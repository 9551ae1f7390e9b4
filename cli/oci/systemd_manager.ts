/**
 * Which systemd makes the cgroups of a container: the system's, or the user's own.
 *
 * @module
 */

import { CtrError } from "../../src/errors.ts";
import { mapsAllIds } from "../../src/linux/mod.ts";
import { readText } from "../../src/program/mod.ts";
import type { SystemdManager } from "../../src/lifecycle/mod.ts";
import type { Context } from "./command.ts";

/**
 * The one whose rights we have.
 *
 * @throws {CtrError} `failed_precondition` when a user's bus cannot be found
 */
export function systemdManager(
  { env, rootless }: Pick<Context, "env" | "rootless">,
  { uid = process.geteuid!(), uidMap = readText("/proc/self/uid_map") } = {},
): SystemdManager {
  const ours = !mapsAllIds(uidMap) || uid !== 0;
  const user = rootless === "true" || (rootless !== "false" && ours);
  const given = env[user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS"];
  const runtimeDirectory = env["XDG_RUNTIME_DIR"];
  const socket = pathIn(given ?? "") ??
    (user && runtimeDirectory ? `${runtimeDirectory}/bus` : undefined);
  if (user && socket === undefined) {
    throw new CtrError({
      code: "failed_precondition",
      operation: "use systemd cgroups",
      reason: "the user's bus is not known",
      hint: "set XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS",
    });
  }
  return socket === undefined ? { user } : { user, socket };
}

/** The first socket in a file system among the addresses that are to be tried. */
function pathIn(addresses: string): string | undefined {
  for (const address of addresses.split(";")) {
    const [, path] = /^unix:(?:[^,]*,)*path=([^,]*)/.exec(address) ?? [];
    if (path !== undefined) return decodeURIComponent(path);
  }
  return undefined;
}
