/**
 * A layer that is not unpacked: its tar is stored as it is, and the list of its members beside it.
 *
 * @module
 */

import { AT, O } from "../../linux/mod.ts";
import { check, closeFd, openAt, toByteString } from "../_at.ts";
import { writeAll } from "../_entries.ts";
import { spaceGuard } from "../_space.ts";
import type { ApplyResult } from "../apply.ts";
import { dataFile, writeMembers } from "./layer_files.ts";
import { scanTar } from "./scan.ts";
import { LayerTree } from "./tree.ts";

const BLOCK = 512;

/**
 * Store a tar in a directory.
 *
 * @throws {CtrError} for a malformed or hostile archive. Nothing of it is usable then.
 */
export async function keepLayer(
  directory: string,
  source: AsyncIterable<Uint8Array>,
): Promise<ApplyResult> {
  const path = toByteString(dataFile(directory));
  const flags = O.O_CREAT | O.O_WRONLY | O.O_TRUNC;
  const fd = check("unpack", "openat", path, openAt(AT.AT_FDCWD, path, flags, 0o600));
  try {
    const scanner = scanTar();
    const room = spaceGuard(fd, "unpack layer");
    for await (const chunk of source) {
      scanner.push(chunk);
      room(chunk.length);
      writeAll(fd, chunk, path);
    }
    const layer = scanner.end();
    const padding = -layer.size & (BLOCK - 1); // the kernel reads whole blocks
    if (padding > 0) writeAll(fd, new Uint8Array(padding), path);
    // What is wrong with it by itself is said now, while it comes. A hard link may lead to
    // a layer below, so links that lead nowhere are left to the index of the whole.
    new LayerTree().apply(layer.members.filter(({ entry }) => entry.type !== "hardlink"));
    writeMembers(directory, layer);
    const bytes = layer.members.reduce((sum, { entry }) => sum + entry.size, 0);
    const usage = { bytes, inodes: layer.members.length }; // as if it were unpacked
    return { usage, implied: [], hasRoot: true, needsLower: false };
  } finally {
    closeFd(fd);
  }
}
