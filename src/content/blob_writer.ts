/**
 * Writing a blob whose digest is not known before all of it is there. Synchronous: what reads an
 * archive hands out its members in pieces, and cannot wait.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { tryClaim } from "./ingest.ts";
import type { BlobWriter } from "./types.ts";

let writers = 0;

/** Where a blob is written. */
export interface BlobPlace {
  /** Of unfinished blobs. */
  readonly ingest: string;
  /** Of SHA-256 blobs. */
  readonly blobs: string;
  /** Told the digest before the blob appears. */
  readonly hold: (digest: string) => void;
}

/** A writer of a SHA-256 blob. */
export function blobWriter({ ingest, blobs, hold }: BlobPlace): BlobWriter {
  const { name, lock } = claimNew(ingest);
  const partial = `${ingest}/${name}`;
  const fd = openSync(partial, "r+");
  const hash = createHash("sha256");
  let size = 0;
  let open = true;
  const close = (work: () => void): void => {
    if (!open) return;
    open = false;
    closeSync(fd);
    try {
      work();
    } finally {
      lock.release();
    }
  };
  return {
    write: (bytes) => {
      hash.update(bytes);
      size += bytes.length;
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
    },
    commit: () => {
      const hex = hash.digest("hex");
      close(() => {
        hold(`sha256:${hex}`);
        mkdirSync(blobs, { recursive: true, mode: 0o700 });
        renameSync(partial, `${blobs}/${hex}`);
      });
      return { digest: `sha256:${hex}`, size };
    },
    abort: () => close(() => rmSync(partial, { force: true })),
  };
}

/** Process IDs are not unique where containers share a store: a name that is taken is passed over. */
function claimNew(
  ingest: string,
): { readonly name: string; readonly lock: NonNullable<ReturnType<typeof tryClaim>> } {
  for (;;) {
    const name = `new.${process.pid}.${Date.now()}.${writers++}`;
    const lock = tryClaim(ingest, name);
    if (lock !== undefined) return { name, lock };
  }
}
