/**
 * A streaming reader of tar archives: ustar, GNU and PAX. Pure: bytes in, entries out.
 *
 * Names are byte strings (one character per byte), because a tar archive does not say how its names
 * are encoded. What is not understood is an error, never skipped.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 * @module
 */

import { latin1, malformed, parseDecimal, readNumber, upToNul } from "./_tar_fields.ts";
import { type Overrides, readEntry, type TarEntry, verifyChecksum } from "./tar_header.ts";
import { readPaxRecords } from "./tar_pax.ts";
import {
  checkSegments,
  gnuSparse,
  paxSparse,
  type Segment,
  type SparseHeader,
} from "./tar_sparse.ts";

export type { TarEntry, TarType } from "./tar_header.ts";

const BLOCK = 512;
/** Bounds what a PAX or GNU long-name header makes us keep in memory; Go's bound. */
const MAX_SPECIAL = 1 << 20;
/** Receives an archive's members in order; throws to stop. */
export interface TarHandler {
  /** `offset`: of the member's data, from the start of the archive. */
  entry(entry: TarEntry, offset: number): void;
  /**
   * Part of the data of the last entry; valid during the call only.
   *
   * @param at where in the file: what a sparse one does not have is not given.
   */
  data(bytes: Uint8Array, at: number): void;
  /** All data of the last entry was given. */
  end(): void;
}

/** Feed it an archive in chunks of any size, then `end`. */
export interface TarReader {
  /** @throws {CtrError} `data_loss` for a malformed archive, `not_implemented` for an unknown type. */
  push(chunk: Uint8Array): void;
  /** @throws {CtrError} `data_loss` when the archive stops in the middle of a member. */
  end(): void;
}

/** A reader that calls `handler` for each member. Bytes after the end of the archive are ignored. */
export function tarReader(handler: TarHandler): TarReader {
  const header = new Uint8Array(BLOCK);
  let headerLength = 0;
  let special: { type: string; bytes: Uint8Array; length: number } | undefined;
  let overrides: Overrides = {};
  /** Takes the blocks of a sparse file's map. */
  let map: ((block: Uint8Array, offset: number) => void) | undefined;
  let data = 0;
  let position = 0;
  /** Of a sparse file: the segments, and which one is being read. */
  let segments: readonly Segment[] | undefined;
  let segment = 0;
  let padding = 0;
  let zeroBlocks = 0;
  let before = 0; // bytes of the chunks before this one

  const takeHeader = (block: Uint8Array, offset: number): void => {
    if (isZero(block)) {
      zeroBlocks++;
      return;
    }
    if (zeroBlocks > 0) throw malformed("data after a zero block");
    verifyChecksum(block);
    const type = String.fromCharCode(block[156]!);
    let size = readNumber(block, 124, 12, "size");
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      if (size > MAX_SPECIAL) throw malformed(`an extended header of ${size} bytes`);
      special = { type, bytes: new Uint8Array(size), length: 0 };
      padding = -size & (BLOCK - 1);
      if (size === 0) takeSpecial();
      return;
    }
    const { pax } = overrides;
    const paxSize = pax?.get("size");
    if (paxSize !== undefined) size = parseDecimal(latin1(paxSize), "size");
    const sparse = type === "S" ? gnuSparse(block) : pax && paxSparse(pax);
    if (sparse?.more === undefined) return takeEntry(block, type, size, sparse, offset);
    const { more } = sparse;
    const head = block.slice();
    let stored = size;
    map = (block, at) => {
      if (type !== "S" && (stored -= BLOCK) < 0) throw malformed("a sparse map that is too long");
      if (!more(block)) return;
      map = undefined;
      takeEntry(head, type, stored, sparse, at);
    };
  };

  const takeEntry = (
    block: Uint8Array,
    type: string,
    stored: number,
    sparse: SparseHeader | undefined,
    offset: number,
  ): void => {
    const entry = readEntry(block, type, stored, sparse ? { ...overrides, sparse } : overrides);
    overrides = {};
    segments = entry.sparse;
    if (segments !== undefined) checkSegments(sparse!, stored);
    handler.entry(entry, offset);
    data = segments === undefined ? entry.size : stored;
    padding = -data & (BLOCK - 1);
    position = 0;
    segment = 0;
    if (data === 0) handler.end();
  };

  const takeData = (bytes: Uint8Array): void => {
    if (segments === undefined) {
      handler.data(bytes, position);
      position += bytes.length;
      return;
    }
    // `position` is within the segment.
    for (let at = 0; at < bytes.length;) {
      const { offset, length } = segments[segment]!;
      const take = Math.min(length - position, bytes.length - at);
      if (take > 0) handler.data(bytes.subarray(at, at + take), offset + position);
      at += take;
      position += take;
      if (position < length) continue;
      position = 0;
      segment++;
    }
  };

  const takeSpecial = (): void => {
    const { type, bytes } = special!;
    special = undefined;
    if (type === "x") overrides.pax = readPaxRecords(bytes);
    else if (type === "L") overrides.path = upToNul(bytes, 0, bytes.length);
    else if (type === "K") overrides.link = upToNul(bytes, 0, bytes.length);
    // "g": global defaults are ignored, as containerd and Docker do.
  };

  return {
    push: (chunk) => {
      let at = 0;
      while (at < chunk.length && zeroBlocks < 2) {
        if (special !== undefined) {
          const take = Math.min(special.bytes.length - special.length, chunk.length - at);
          special.bytes.set(chunk.subarray(at, at + take), special.length);
          special.length += take;
          at += take;
          if (special.length === special.bytes.length) takeSpecial();
        } else if (data > 0) {
          const take = Math.min(data, chunk.length - at);
          takeData(chunk.subarray(at, at + take));
          data -= take;
          at += take;
          if (data === 0) handler.end();
        } else if (padding > 0) {
          const take = Math.min(padding, chunk.length - at);
          padding -= take;
          at += take;
        } else if (headerLength === 0 && chunk.length - at >= BLOCK) {
          at += BLOCK;
          (map ?? takeHeader)(chunk.subarray(at - BLOCK, at), before + at);
        } else {
          const take = Math.min(BLOCK - headerLength, chunk.length - at);
          header.set(chunk.subarray(at, at + take), headerLength);
          headerLength += take;
          at += take;
          if (headerLength === BLOCK) {
            headerLength = 0;
            (map ?? takeHeader)(header, before + at);
          }
        }
      }
      before += chunk.length;
    },
    end: () => {
      if (zeroBlocks >= 2) return;
      const pending = overrides.pax ?? overrides.path ?? overrides.link;
      const isOpen = special !== undefined || map !== undefined || pending !== undefined;
      if (headerLength > 0 || data > 0 || isOpen) {
        throw malformed("unexpected end");
      }
    },
  };
}

function isZero(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}
