/**
 * The EROFS image of a chain of layers, from what is stored of each.
 *
 * @module
 */

import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { erofsImage } from "./image.ts";
import { readMembers } from "./layer_files.ts";
import { LayerTree } from "./tree.ts";

/**
 * Write the index of layers, bottom first. Atomic: it is there whole, or not at all. Its devices are,
 * layer by layer, the tar and what was copied aside, as far as there is one.
 *
 * @throws {CtrError} for layers that do not fit together, a hard link to nothing for instance.
 */
export function writeChainIndex(path: string, directories: readonly string[]): void {
  const tree = new LayerTree();
  const sizes: number[] = [];
  for (const directory of directories) {
    const { members, tar, data } = readMembers(directory);
    const first = sizes.length;
    if (tar > 0) sizes.push(tar);
    const devices = { tar: first, data: sizes.length };
    if (data > 0) sizes.push(data);
    tree.apply(members, devices);
  }
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
