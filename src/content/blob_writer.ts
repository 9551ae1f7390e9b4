/**
 * Writing a blob whose digest is not known before all of it is there. Synchronous: what reads an
 * archive hands out its members in pieces, and cannot wait.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { BlobWriter } from "./types.ts";

/** A writer of a blob below `directory`, which is that of SHA-256 blobs. */
export function blobWriter(directory: string, suffix: string): BlobWriter {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const partial = `${directory}/new.${suffix}`;
  const fd = openSync(partial, "wx", 0o600);
  const hash = createHash("sha256");
  let size = 0;
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    write: (bytes) => {
      hash.update(bytes);
      size += bytes.length;
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
    },
    commit: () => {
      close();
      const hex = hash.digest("hex");
      renameSync(partial, `${directory}/${hex}`);
      return { digest: `sha256:${hex}`, size };
    },
    abort: () => {
      close();
      rmSync(partial, { force: true });
    },
  };
}
