/**
 * Bringing what was written to the disk.
 *
 * @module
 */

import { call, close, open } from "../program/mod.ts";

/** Flush the file system of a directory: all that anybody wrote to it before is on disk afterwards. */
export function flush(directory: string): void {
  const fd = open(directory, 0);
  try {
    call("syncfs", directory, fd);
  } finally {
    close(fd);
  }
}
