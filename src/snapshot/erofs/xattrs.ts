/**
 * Extended attributes of inodes. One that several inodes have is stored once and shared.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";
import { latin1 } from "../_tar_fields.ts";
import { splitXattrName } from "./format.ts";
import type { Node } from "./node.ts";

const HEADER = 12;
const MAX_SHARED = 255;
/** `i_xattr_icount` counts words in 16 bits. */
const MAX_INLINE = 0xffff * 4;

/** An inode's attributes: those in it, and indexes of those in the shared area. */
interface NodeXattrs {
  readonly inline: readonly Uint8Array[];
  readonly shared: readonly number[];
  /** Bytes behind the inode. */
  readonly size: number;
}

/** The attributes of a whole image. */
export interface Xattrs {
  /** Bytes behind a node's inode, 0 without attributes. */
  size(node: Node): number;
  /** Write them behind an inode. */
  write(bytes: Uint8Array, at: number, node: Node): void;
  /** The shared area, which begins with a block. */
  readonly shared: Uint8Array;
}

/** Encode the attributes of all nodes. Names that EROFS has no prefix for are left out. */
export function encodeXattrs(nodes: Iterable<Node>): Xattrs {
  const encoded = new Map<Node, { key: string; entry: Uint8Array }[]>();
  const uses = new Map<string, number>();
  for (const node of nodes) {
    if (node.xattrs === undefined) continue;
    const list: { key: string; entry: Uint8Array }[] = [];
    for (const [name, value] of node.xattrs) {
      const entry = encode(name, value);
      if (entry === undefined) continue;
      const key = latin1(entry);
      uses.set(key, (uses.get(key) ?? 0) + 1);
      list.push({ key, entry });
    }
    if (list.length > 0) encoded.set(node, list);
  }
  const places = new Map<string, number>();
  const area: Uint8Array[] = [];
  let areaSize = 0;
  const byNode = new Map<Node, NodeXattrs>();
  for (const [node, list] of encoded) {
    const inline: Uint8Array[] = [];
    const shared: number[] = [];
    for (const { key, entry } of list) {
      if (uses.get(key)! < 2 || shared.length === MAX_SHARED) {
        inline.push(entry);
        continue;
      }
      let place = places.get(key);
      if (place === undefined) {
        place = areaSize;
        places.set(key, place);
        area.push(entry);
        areaSize += entry.length;
      }
      shared.push(place / 4);
    }
    const size = HEADER + shared.length * 4 + inline.reduce((sum, { length }) => sum + length, 0);
    if (size > MAX_INLINE) throw tooLarge(`attributes of ${size} bytes on one file`);
    byNode.set(node, { inline, shared, size });
  }
  return {
    size: (node) => byNode.get(node)?.size ?? 0,
    write: (bytes, at, node) => {
      const found = byNode.get(node);
      if (found === undefined) return;
      bytes[at + 4] = found.shared.length;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      at += HEADER;
      for (const id of found.shared) {
        view.setUint32(at, id, true);
        at += 4;
      }
      for (const entry of found.inline) {
        bytes.set(entry, at);
        at += entry.length;
      }
    },
    shared: concatenate(area, areaSize),
  };
}

function encode(name: string, value: Uint8Array): Uint8Array | undefined {
  const split = splitXattrName(name);
  if (split === undefined) return undefined;
  const [index, rest] = split;
  if (rest.length > 255) throw tooLarge(`an attribute's name of ${name.length} bytes`);
  if (value.length > 0xffff) throw tooLarge(`an attribute of ${value.length} bytes`);
  const entry = new Uint8Array((4 + rest.length + value.length + 3) & ~3);
  entry[0] = rest.length;
  entry[1] = index;
  entry[2] = value.length & 0xff;
  entry[3] = value.length >> 8;
  for (let i = 0; i < rest.length; i++) entry[4 + i] = rest.charCodeAt(i);
  entry.set(value, 4 + rest.length);
  return entry;
}

function concatenate(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function tooLarge(reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "index layer", reason });
}
