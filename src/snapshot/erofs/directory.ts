/**
 * A directory's data: blocks of entries with their names behind them, in the order of their bytes.
 *
 * @module
 */

import { BLOCK, DIRENT } from "./format.ts";
import type { Node } from "./node.ts";

/** One name; `node` is what it leads to. */
export interface Name {
  readonly name: string;
  readonly node: Node;
}

/** A directory's names, block by block. */
export interface Packed {
  readonly blocks: readonly (readonly Name[])[];
  readonly size: number;
}

/** As they are in `struct erofs_dirent`; the kernel's FT_*. */
const FILE_TYPES: Readonly<Record<Node["type"], number>> = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  symlink: 7,
};

/** Distribute a directory's names to blocks. */
export function packDirectory(self: Node, parent: Node): Packed {
  const names: Name[] = [{ name: ".", node: self }, { name: "..", node: parent }];
  for (const [name, { node }] of self.children!) names.push({ name, node });
  names.sort((a, b) => a.name < b.name ? -1 : 1); // code units are bytes
  const blocks: Name[][] = [];
  let block: Name[] = [];
  let used = 0;
  for (const entry of names) {
    const needed = DIRENT + entry.name.length;
    if (used + needed > BLOCK) {
      blocks.push(block);
      block = [];
      used = 0;
    }
    block.push(entry);
    used += needed;
  }
  blocks.push(block);
  return { blocks, size: (blocks.length - 1) * BLOCK + used };
}

/** Write a directory's data. `at` gives the place of a block, `inode` an inode's number. */
export function writeDirectory(
  view: DataView,
  { blocks }: Packed,
  at: (block: number) => number,
  inode: (node: Node) => number,
): void {
  for (const [index, names] of blocks.entries()) {
    const start = at(index);
    let nameAt = names.length * DIRENT;
    for (const [position, { name, node }] of names.entries()) {
      const entry = start + position * DIRENT;
      view.setUint32(entry, inode(node), true);
      view.setUint16(entry + 8, nameAt, true);
      view.setUint8(entry + 10, FILE_TYPES[node.type]);
      writeText(view, start + nameAt, name);
      nameAt += name.length;
    }
  }
}

/** Write a byte string. */
export function writeText(view: DataView, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
}
