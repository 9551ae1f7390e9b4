/**
 * Files that become blobs where they are.
 *
 * @module
 */

import { ensureDirectory, exists, rename, unlink, writeFile } from "../program/mod.ts";
import { digestPath } from "./digest.ts";
import { LAYOUT } from "./layout.ts";

/**
 * Move a file into the store under `root`. Its content must be verified and on disk. Where the
 * store has the blob the file is deleted. Whoever calls it holds the digest by a lease.
 */
export function adoptBlob(root: string, digest: string, file: string): void {
  const path = `${root}/blobs/${digestPath(digest)}`;
  if (exists(path)) {
    unlink(file);
    return;
  }
  ensureDirectory(path.slice(0, path.lastIndexOf("/")), 0o700);
  if (!exists(`${root}/oci-layout`)) writeFile(`${root}/oci-layout`, LAYOUT);
  rename(file, path);
}
