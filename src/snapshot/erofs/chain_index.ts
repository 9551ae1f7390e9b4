/**
 * The EROFS image of a chain of layers, from what is stored of each.
 *
 * @module
 */

import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { cleanPath } from "../_root.ts";
import { erofsImage } from "./image.ts";
import { readMembers } from "./layer_files.ts";
import { LayerTree } from "./tree.ts";

/**
 * Write the index of layers, bottom first. Atomic: it is there whole, or not at all.
 *
 * @throws {CtrError} for layers that do not fit together, a hard link to nothing for instance.
 */
export function writeChainIndex(path: string, directories: readonly string[]): void {
  const tree = new LayerTree();
  const sizes = directories.map((directory) => {
    const { members, size } = readMembers(directory);
    tree.apply(members);
    return size;
  });
  const image = erofsImage(tree.root.node, sizes);
  const temporary = `${path}.${process.pid}`;
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeFileSync(fd, image);
    fsyncSync(fd); // its name must not come back without its content after a power failure
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/** `MODE:UID:GID` of the root directory, if the layer in a directory lists it. */
export function rootOf(directory: string): string | undefined {
  const root = readMembers(directory).members.findLast(({ entry }) => cleanPath(entry.path) === "");
  if (root === undefined) return undefined;
  const { mode, uid, gid } = root.entry;
  return `${mode.toString(8)}:${uid}:${gid}`;
}
