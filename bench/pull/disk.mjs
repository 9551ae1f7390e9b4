/**
 * A file system of the bench's own: ext4 with a journal, as most machines have it. Without one,
 * creating files soon after deleting many is several times slower, for everybody.
 *
 * @module
 */

import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../start/programs.mjs";

const BYTES = 24 * 2 ** 30;

/** Mount it. Its file is sparse. @returns {string} where; `atEnd` unmounts it */
export function ownDisk({ work, atEnd }) {
  const file = join(work, "disk");
  const path = join(work, "mnt");
  writeFileSync(file, "");
  truncateSync(file, BYTES);
  run(["mkfs.ext4", "-q", "-F", "-m", "0", file]);
  mkdirSync(path);
  // Straight to the disk: else the loop device copies everything into a second page cache.
  const device = run(["losetup", "--find", "--show", "--direct-io=on", file]).trim();
  try {
    run(["mount", device, path]);
  } finally {
    run(["losetup", "--detach", device]); // once it is not mounted
  }
  atEnd(() => {
    // podman mounts things below it, and a daemon's children may take a moment longer to end.
    run(["umount", "--recursive", "--lazy", path]);
    rmSync(file);
  });
  return path;
}
