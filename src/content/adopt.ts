/**
 * Files that become blobs where they are.
 *
 * @module
 */

import { ensureDirectory, exists, rename, unlink, writeFile } from "../program/mod.ts";
import { digestPath } from "./digest.ts";
import { LAYOUT } from "./layout.ts";
import { enableVerity } from "./verity.ts";

/**
 * Move a file into the store under `root`; where the store has the blob, the file is deleted, should
 * there be one. The content must be verified and on disk; from now on the kernel sees to it, where it
 * can. Whoever calls this holds the digest by a lease.
 */
export function adoptBlob(root: string, digest: string, file: string): void {
  const path = `${root}/blobs/${digestPath(digest)}`;
  if (exists(path)) {
    unlink(file);
  } else {
    ensureDirectory(path.slice(0, path.lastIndexOf("/")), 0o700);
    if (!exists(`${root}/oci-layout`)) writeFile(`${root}/oci-layout`, LAYOUT);
    rename(file, path);
  }
  enableVerity(path);
}
