/**
 * What can be mounted where.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { fileKind } from "../program/mod.ts";
import type { MountPoint } from "../state/mod.ts";

/** Check what a container is to have mounted. @throws {CtrError} `invalid_argument` */
export function checkMounts(mounts: readonly MountPoint[]): void {
  for (const mount of mounts) checkMount(mount);
}

function checkMount(mount: MountPoint): void {
  const reason = !mount.destination.startsWith("/")
    ? "the mount path must be absolute"
    : mount.destination.split("/").every((part) => part === "")
    ? "the root cannot be mounted over"
    : mount.type === "bind" && !mount.source.startsWith("/")
    ? "the source path must be absolute"
    : mount.type === "bind" && fileKind(mount.source) === undefined
    ? `bind source path does not exist: ${mount.source}`
    : undefined;
  if (reason === undefined) return;
  throw new CtrError({
    code: "invalid_argument",
    operation: "mount",
    subject: mount.destination,
    reason,
  });
}
