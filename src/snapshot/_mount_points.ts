/**
 * What a runtime makes in a container's directory to mount something on it: no change of anybody's.
 *
 * @module
 */

import { S } from "../linux/mod.ts";
import { closeFd, openDirectoryAt, readDirectory, statusAt } from "./_at.ts";

const FILES = ["hostname", "hosts", "resolv.conf"];

/** Clean paths of them below an open upper directory. */
export function mountPoints(fd: number): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of ["dev", "proc", "sys"]) if (entries(fd, name)?.length === 0) found.add(name);
  for (const name of FILES) {
    const status = statusAt(fd, `etc/${name}`);
    if (typeof status === "number" || status.size > 0) continue;
    if ((status.mode & S.S_IFMT) === S.S_IFREG) found.add(`etc/${name}`);
  }
  const etc = entries(fd, "etc");
  if (found.has("etc/hosts") && etc?.every((name) => found.has(`etc/${name}`))) found.add("etc");
  return found;
}

function entries(parent: number, name: string): string[] | undefined {
  const fd = openDirectoryAt(parent, name);
  if (fd < 0) return undefined;
  try {
    return readDirectory(fd, name).map((entry) => entry.name);
  } finally {
    closeFd(fd);
  }
}
