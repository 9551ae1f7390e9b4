/**
 * A layer's tar to the list of its members and where their data is. The data itself is not kept.
 *
 * @module
 */

import { malformed } from "../_tar_fields.ts";
import { type TarEntry, tarReader } from "../tar_reader.ts";

/** A member, and where its data begins in the archive. */
export interface TarMember {
  readonly entry: TarEntry;
  readonly offset: number;
}

/** What an index needs of a layer. */
export interface ScannedLayer {
  readonly members: readonly TarMember[];
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

/** Start to read a tar. All that a member says it has is known to be there after `end`. */
export function scanTar(): TarScanner {
  const members: TarMember[] = [];
  let size = 0;
  const reader = tarReader({
    entry: (entry, offset) => {
      if (offset % 512 !== 0) throw malformed(`a member at byte ${offset}`);
      members.push({ entry, offset });
    },
    data: () => {},
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
