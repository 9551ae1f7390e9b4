/**
 * The device nodes of the host's `/dev`: what `--privileged` gives a container.
 *
 * @module
 */

import { lstatSync, readdirSync } from "node:fs";
import type { OciDevice } from "../oci/mod.ts";

/** Places in `/dev` that are file systems of the container's own, or are made for it anyway. */
const OWN = new Set([
  ...["pts", "shm", "mqueue", "fd", "console", "core", "stdin", "stdout", "stderr", "ptmx"],
  ...["null", "zero", "full", "random", "urandom", "tty"],
]);

/** Every character and block device below `/dev`. What disappears meanwhile is left out. */
export function hostDevices(directory = "/dev"): OciDevice[] {
  const found: OciDevice[] = [];
  for (const name of readdirSync(directory)) {
    if (directory === "/dev" && OWN.has(name)) continue;
    const path = `${directory}/${name}`;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (stat.isDirectory()) found.push(...hostDevices(path));
    if (!stat.isCharacterDevice() && !stat.isBlockDevice()) continue;
    found.push({
      type: stat.isBlockDevice() ? "b" : "c",
      path,
      // makedev(3): 8 bits of minor, 12 of major, then the rest of minor.
      major: (stat.rdev >> 8) & 0xfff,
      minor: (stat.rdev & 0xff) | ((stat.rdev >> 12) & 0xfff00),
      fileMode: stat.mode & 0o777,
      uid: stat.uid,
      gid: stat.gid,
    });
  }
  return found;
}
