/**
 * A file tree to an EROFS image whose files are in other devices: the tars of the layers.
 *
 * Order: superblock, device table, inodes (the root's first, because its number has 16 bits), blocks
 * of directories and long links, shared attributes. The same tree gives the same bytes.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";
import { packDirectory, type Packed, writeDirectory, writeText } from "./directory.ts";
import * as E from "./format.ts";
import type { Node } from "./node.ts";
import { encodeXattrs, type Xattrs } from "./xattrs.ts";

/** Where a node goes, and what of it. */
interface Plan {
  /** Byte of its inode. */
  at: number;
  /** First of its blocks, from the first block of data; -1 without. */
  block: number;
  layout: number;
  links: number;
  packed?: Packed;
}

const BLOCK = E.BLOCK;
const MAX_BLOCKS = 0xffffffff;

/**
 * The image of the tree below `root`.
 *
 * @param sizes Bytes of each device, by the number that files give. The kernel reads whole blocks: no
 * file may end in the last one of a device that is not whole.
 * @throws {CtrError} `invalid_argument` for what the format cannot hold.
 */
export function erofsImage(root: Node, sizes: readonly number[]): Uint8Array {
  if (sizes.length > 0xffff) throw tooLarge(`${sizes.length} devices`);
  const plans = planNodes(root);
  const xattrs = encodeXattrs(plans.keys());
  const metaStart = roundUp(
    E.SUPERBLOCK.offset + E.SUPERBLOCK.size + sizes.length * E.DEVICE_SLOT,
    BLOCK,
  );
  const { metaEnd, dataBlocks } = place(plans, xattrs, metaStart);
  const dataStart = roundUp(metaEnd, BLOCK);
  const xattrStart = dataStart + dataBlocks * BLOCK;
  const size = xattrStart + roundUp(xattrs.shared.length, BLOCK);
  if (size > 0x7fffffff) throw tooLarge(`an index of ${size} bytes`);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const numberOf = (node: Node): number => (plans.get(node)!.at - metaStart) / E.INODE_UNIT;
  let ino = 0;
  for (const [node, plan] of plans) {
    const firstBlock = plan.block < 0 ? 0 : dataStart / BLOCK + plan.block;
    const { at } = plan;
    writeInode(view, node, plan, { firstBlock, ino: ++ino, xattrSize: xattrs.size(node) });
    xattrs.write(bytes, at + E.INODE_SIZE, node);
    const behind = at + E.INODE_SIZE + xattrs.size(node);
    if (plan.layout === E.LAYOUT.CHUNK_BASED) writeChunk(view, behind, node, sizes);
    const blockAt = dataBlockAt(node, plan, behind, firstBlock);
    if (plan.packed !== undefined) writeDirectory(view, plan.packed, blockAt, numberOf);
    else if (node.link !== undefined) writeLink(view, node.link, blockAt);
  }
  bytes.set(xattrs.shared, xattrStart);
  writeSuperblock(view, bytes, {
    root: numberOf(root),
    inodes: plans.size,
    metaStart,
    xattrStart,
    sizes,
  });
  return bytes;
}

/** All nodes, each once, the root first; how many names lead to each. */
function planNodes(root: Node): Map<Node, Plan> {
  const plan = (layout: number, links: number): Plan => ({ at: 0, block: -1, layout, links });
  const plans = new Map<Node, Plan>([[root, plan(E.LAYOUT.FLAT_PLAIN, 2)]]);
  const todo: [Node, Node][] = [[root, root]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [directory, parent] = next;
    plans.get(directory)!.packed = packDirectory(directory, parent);
    for (const { node } of directory.children!.values()) {
      const known = plans.get(node);
      if (known !== undefined) {
        known.links++;
      } else if (node.type === "directory") {
        plans.get(directory)!.links++;
        plans.set(node, plan(E.LAYOUT.FLAT_PLAIN, 2));
        todo.push([node, directory]);
      } else {
        const inTar = node.data !== undefined && node.data.size > 0;
        plans.set(node, plan(inTar ? E.LAYOUT.CHUNK_BASED : E.LAYOUT.FLAT_PLAIN, 1));
      }
    }
  }
  return plans;
}

/** Give each inode its place, and what is not behind one its blocks. */
function place(
  plans: ReadonlyMap<Node, Plan>,
  xattrs: Xattrs,
  metaStart: number,
): { metaEnd: number; dataBlocks: number } {
  let at = metaStart;
  let dataBlocks = 0;
  for (const [node, plan] of plans) {
    let length = E.INODE_SIZE + xattrs.size(node);
    const size = sizeOf(node, plan);
    if (plan.layout === E.LAYOUT.CHUNK_BASED) {
      length = roundUp(length, E.CHUNK_INDEX) + E.CHUNK_INDEX;
    } else if (node.data === undefined && size > 0) {
      // The last part goes behind the inode, if it all fits into one block: the kernel wants that.
      const tail = size % BLOCK;
      const inline = tail > 0 && length + tail <= BLOCK;
      const blocks = Math.floor(size / BLOCK) + (tail > 0 && !inline ? 1 : 0);
      if (blocks > 0) plan.block = dataBlocks;
      dataBlocks += blocks;
      if (inline) {
        plan.layout = E.LAYOUT.FLAT_INLINE;
        length += tail;
        if (at % BLOCK + length > BLOCK) at = roundUp(at, BLOCK);
      }
    }
    plan.at = at;
    at = roundUp(at + length, E.INODE_UNIT);
  }
  return { metaEnd: at, dataBlocks };
}

function sizeOf(node: Node, plan: Plan): number {
  return plan.packed?.size ?? node.link?.length ?? node.data?.size ?? 0;
}

/** Where each block of a directory's or link's data is. */
function dataBlockAt(
  node: Node,
  plan: Plan,
  behind: number,
  firstBlock: number,
): (block: number) => number {
  const inline = plan.layout === E.LAYOUT.FLAT_INLINE;
  const last = Math.floor(sizeOf(node, plan) / BLOCK);
  return (block) => inline && block === last ? behind : (firstBlock + block) * BLOCK;
}

function writeInode(
  view: DataView,
  node: Node,
  plan: Plan,
  { firstBlock, ino, xattrSize }: { firstBlock: number; ino: number; xattrSize: number },
): void {
  const { at } = plan;
  const size = sizeOf(node, plan);
  view.setUint16(at, 1 | plan.layout << 1, true); // 1: extended
  view.setUint16(at + 2, xattrSize === 0 ? 0 : (xattrSize - 12) / 4 + 1, true);
  view.setUint16(at + 4, TYPE_BITS[node.type] | node.mode, true);
  setUint64(view, at + 8, size);
  if (plan.layout === E.LAYOUT.CHUNK_BASED) {
    view.setUint16(at + 16, E.CHUNK_INDEXES | chunkBits(size), true);
  } else {
    view.setUint32(at + 16, node.rdev ?? firstBlock, true);
  }
  view.setUint32(at + 20, ino, true);
  view.setUint32(at + 24, node.uid, true);
  view.setUint32(at + 28, node.gid, true);
  setUint64(view, at + 32, node.mtimeSec);
  view.setUint32(at + 40, node.mtimeNs, true);
  view.setUint32(at + 44, plan.links, true);
}

const TYPE_BITS: Readonly<Record<Node["type"], number>> = {
  fifo: 0x1000,
  character: 0x2000,
  directory: 0x4000,
  block: 0x6000,
  file: 0x8000,
  symlink: 0xa000,
};

/** The smallest chunk, as a power of two of blocks, that holds a whole file: one index is enough. */
function chunkBits(size: number): number {
  let bits = 0;
  while (BLOCK * 2 ** bits < size) bits++;
  if (bits > E.MAX_CHUNK_BITS) throw tooLarge(`a file of ${size} bytes`);
  return bits;
}

function writeChunk(
  view: DataView,
  behind: number,
  node: Node,
  sizes: readonly number[],
): void {
  const { device, offset, size } = node.data!;
  // The last line of defence: nothing that a tar says may lead out of it.
  const whole = roundDown(sizes[device] ?? 0, BLOCK);
  if (!(offset % BLOCK === 0 && offset >= 0 && offset + size <= whole)) {
    throw new CtrError({
      code: "internal",
      operation: "index layer",
      reason: `bytes ${offset} to ${offset + size} are not in the device`,
    });
  }
  if (offset / BLOCK >= MAX_BLOCKS) throw tooLarge(`a tar of ${sizes[device]} bytes`);
  const at = roundUp(behind, E.CHUNK_INDEX);
  view.setUint16(at + 2, device + 1, true); // 0 is the image itself
  view.setUint32(at + 4, offset / BLOCK, true);
}

function writeLink(view: DataView, link: string, blockAt: (block: number) => number): void {
  for (let block = 0; block * BLOCK < link.length; block++) {
    writeText(view, blockAt(block), link.slice(block * BLOCK, (block + 1) * BLOCK));
  }
}

function writeSuperblock(
  view: DataView,
  bytes: Uint8Array,
  { root, inodes, metaStart, xattrStart, sizes }: {
    root: number;
    inodes: number;
    metaStart: number;
    xattrStart: number;
    sizes: readonly number[];
  },
): void {
  const { offset: at, size, magic } = E.SUPERBLOCK;
  view.setUint32(at, magic, true);
  view.setUint32(at + 8, E.COMPAT.MTIME, true);
  view.setUint8(at + 12, E.BLOCK_BITS);
  view.setUint16(at + 14, root, true);
  setUint64(view, at + 16, inodes);
  view.setUint32(at + 36, bytes.length / BLOCK, true);
  view.setUint32(at + 40, metaStart / BLOCK, true);
  view.setUint32(at + 44, xattrStart / BLOCK, true);
  view.setUint32(at + 80, E.INCOMPAT.CHUNKED_FILE | E.INCOMPAT.DEVICE_TABLE, true);
  view.setUint16(at + 86, sizes.length, true);
  view.setUint16(at + 88, (at + size) / E.DEVICE_SLOT, true);
  for (const [index, bytes] of sizes.entries()) {
    view.setUint32(at + size + index * E.DEVICE_SLOT + 64, Math.floor(bytes / BLOCK), true);
  }
}

/** A number of up to 53 bits and a sign. */
function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}

function roundDown(value: number, to: number): number {
  return Math.floor(value / to) * to;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

function tooLarge(what: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "index layer",
    reason: `EROFS cannot hold ${what}`,
  });
}
