/**
 * What is unpacked may be a thousand times what was downloaded, and nobody says how much it will be.
 * It may fill a disk up to a reserve, which is left to everything else.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { SYS } from "../program/mod.ts";

const LOOK_EVERY = 16 << 20;
const RESERVE = 512 << 20;
/** Of a small file system. */
const RESERVE_PART = 0.05;

/**
 * Counts what is written below the directory `fd`, and looks at the disk from time to time.
 *
 * @returns takes the bytes that are about to be written. @throws {CtrError} `resource_exhausted`
 */
export function spaceGuard(fd: number, operation: string): (bytes: number) => void {
  let unseen = 0;
  return (bytes) => {
    unseen += bytes;
    if (unseen < LOOK_EVERY) return;
    unseen = 0;
    const { free, all } = spaceOf(fd);
    if (free - bytes >= Math.min(RESERVE, all * RESERVE_PART)) return;
    throw new CtrError({
      code: "resource_exhausted",
      operation,
      reason: `it does not fit on the disk, where ${Math.floor(free / (1 << 20))} MB are free`,
    });
  };
}

function spaceOf(fd: number): { free: number; all: number } {
  const view = new DataView(new ArrayBuffer(120));
  if (sys(SYS.fstatfs, fd, new Uint8Array(view.buffer)) < 0) return { free: Infinity, all: 0 };
  const at = (offset: number): number => Number(view.getBigUint64(offset, true));
  const block = at(8);
  return { free: at(32) * block, all: at(16) * block };
}
