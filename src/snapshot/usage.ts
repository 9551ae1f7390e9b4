/**
 * How much disk directories take, as du(1) counts: blocks, and each inode once.
 *
 * @module
 */

import { O } from "../linux/mod.ts";
import { close, O_ARCH, open } from "../program/mod.ts";
import { closeFd, DT_DIR, openDirectoryAt, readDirectory, statusAt } from "./_at.ts";
import type { Usage } from "./types.ts";

/** Deeper than any sane tree, shallower than the limit of open descriptors. */
const MAX_DEPTH = 512;

/** The usage of some directories together. What vanishes meanwhile is not counted. */
export function diskUsage(directories: readonly string[]): Usage {
  let bytes = 0;
  let inodes = 0;
  const linked = new Set<string>();
  const count = (fd: number, name: string): void => {
    const status = statusAt(fd, name);
    if (typeof status === "number") return;
    if (status.links > 1 && (status.mode & 0o170000) !== 0o040000) {
      const key = `${status.dev}/${status.ino}`;
      if (linked.has(key)) return;
      linked.add(key);
    }
    bytes += status.blocks * 512;
    inodes++;
  };
  const walk = (fd: number, name: string, depth: number): void => {
    for (const entry of readDirectory(fd, name)) {
      count(fd, entry.name);
      if (entry.type !== DT_DIR || depth === MAX_DEPTH) continue;
      const child = openDirectoryAt(fd, entry.name);
      if (child < 0) continue;
      try {
        walk(child, entry.name, depth + 1);
      } finally {
        closeFd(child);
      }
    }
  };
  for (const directory of directories) {
    const fd = open(directory, O.O_RDONLY | O_ARCH.O_DIRECTORY);
    try {
      count(fd, "");
      walk(fd, directory, 0);
    } finally {
      close(fd);
    }
  }
  return { bytes, inodes };
}
