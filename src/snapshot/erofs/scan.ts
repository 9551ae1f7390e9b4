/**
 * A layer's tar to the list of its members and where their data is. The data itself is not kept.
 *
 * @module
 */

import { malformed } from "../_tar_fields.ts";
import { type TarEntry, tarReader } from "../tar_reader.ts";
import { BLOCK } from "./format.ts";

/** A member, and where its data begins. */
export interface TarMember {
  readonly entry: TarEntry;
  readonly offset: number;
  /** Not in the archive but among what was copied aside, because no blocks there are the file's. */
  readonly aside?: true;
}

/** What an index needs of a layer. */
export interface ScannedLayer {
  readonly members: TarMember[];
  /** Bytes of the tar. */
  readonly size: number;
}

/** Takes a tar in chunks of any size. */
export interface TarScanner {
  /** @throws {CtrError} `data_loss` for a malformed archive. */
  push(chunk: Uint8Array): void;
  /** @throws {CtrError} `data_loss` when the archive ends within a member. */
  end(): ScannedLayer;
}

/** Gets what cannot be read from the archive later. */
export interface Aside {
  /** A sparse file begins. @returns where its data will be. */
  begin(entry: TarEntry): number;
  /** A part of it. */
  write(bytes: Uint8Array, at: number): void;
}

/** Start to read a tar. All that a member says it has is known to be there after `end`. */
export function scanTar(aside?: Aside): TarScanner {
  const members: TarMember[] = [];
  let size = 0;
  let isAside = false;
  const reader = tarReader({
    entry: (entry, offset) => {
      if (offset % BLOCK !== 0) throw malformed(`a member at byte ${offset}`);
      isAside = entry.sparse !== undefined;
      if (!isAside) return void members.push({ entry, offset });
      const { sparse: _, ...plain } = entry;
      members.push({ entry: plain, offset: aside?.begin(entry) ?? 0, aside: true });
    },
    data: (bytes, at) => isAside && aside?.write(bytes, at),
    end: () => {},
  });
  return {
    push: (chunk) => {
      reader.push(chunk);
      size += chunk.length;
    },
    end: () => {
      reader.end();
      return { members, size };
    },
  };
}
