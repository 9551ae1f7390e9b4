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

export type { TarEntry, TarType } from "./tar_header.ts";

const BLOCK = 512;
/** Bounds what a PAX or GNU long-name header makes us keep in memory; Go's bound. */
const MAX_SPECIAL = 1 << 20;
/** Receives an archive's members in order; throws to stop. */
export interface TarHandler {
  /** `offset`: of the member's data, from the start of the archive. */
  entry(entry: TarEntry, offset: number): void;
  /** Part of the data of the last entry; valid during the call only. */
  data(bytes: Uint8Array): void;
  /** All data of the last entry was given. */
  end(): void;
}

/** Feed it an archive in chunks of any size, then `end`. */
export interface TarReader {
  /** @throws {CtrError} `data_loss` for a malformed archive, `not_implemented` for a sparse file. */
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
  let data = 0;
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
    const paxSize = overrides.pax?.get("size");
    if (paxSize !== undefined) size = parseDecimal(latin1(paxSize), "size");
    const entry = readEntry(block, type, size, overrides);
    overrides = {};
    handler.entry(entry, offset);
    data = entry.size;
    padding = -data & (BLOCK - 1);
    if (data === 0) handler.end();
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
          handler.data(chunk.subarray(at, at + take));
          data -= take;
          at += take;
          if (data === 0) handler.end();
        } else if (padding > 0) {
          const take = Math.min(padding, chunk.length - at);
          padding -= take;
          at += take;
        } else if (headerLength === 0 && chunk.length - at >= BLOCK) {
          at += BLOCK;
          takeHeader(chunk.subarray(at - BLOCK, at), before + at);
        } else {
          const take = Math.min(BLOCK - headerLength, chunk.length - at);
          header.set(chunk.subarray(at, at + take), headerLength);
          headerLength += take;
          at += take;
          if (headerLength === BLOCK) {
            headerLength = 0;
            takeHeader(header, before + at);
          }
        }
      }
      before += chunk.length;
    },
    end: () => {
      if (zeroBlocks >= 2) return;
      const pending = overrides.pax ?? overrides.path ?? overrides.link;
      if (headerLength > 0 || data > 0 || special !== undefined || pending !== undefined) {
        throw malformed("unexpected end");
      }
    },
  };
}

function isZero(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}
