/**
 * A layer that is not unpacked: its tar is stored as it is, and the list of its members beside it.
 *
 * @module
 */

import { sys } from "../../../ffi/mod.ts";
import { CtrError } from "../../errors.ts";
import { AT, O } from "../../linux/mod.ts";
import { SYS } from "../../program/mod.ts";
import { check, closeFd, openAt, statusAt, toByteString } from "../_at.ts";
import { writeAll } from "../_entries.ts";
import { cleanPath } from "../_root.ts";
import { spaceGuard } from "../_space.ts";
import type { ApplyResult } from "../apply.ts";
import type { KeepTarget } from "../types.ts";
import { BLOCK } from "./format.ts";
import { dataFile } from "./labels.ts";
import { tarFile, writeMembers } from "./layer_files.ts";
import { type Aside, type ScannedLayer, scanTar, type TarMember } from "./scan.ts";
import { LayerTree } from "./tree.ts";

/**
 * Store a tar.
 *
 * @throws {CtrError} for a malformed or hostile archive. Nothing of it is usable then.
 */
export async function keepLayer(
  { directory, stored }: KeepTarget,
  source: AsyncIterable<Uint8Array>,
): Promise<ApplyResult> {
  const path = toByteString(stored ?? tarFile(directory));
  const tar = stored === undefined ? create(path) : openFile(path, O.O_RDONLY);
  const aside = new AsideFile(dataFile(directory));
  try {
    const scanner = scanTar(aside);
    const room = spaceGuard(tar, "unpack layer");
    for await (const chunk of source) {
      scanner.push(chunk);
      if (stored !== undefined) continue;
      room(chunk.length);
      writeAll(tar, chunk, path);
    }
    const layer = scanner.end();
    if (stored !== undefined && sizeOf(tar) !== layer.size) throw notThat(stored);
    keepTail(layer, tar, aside);
    const { members, size } = layer;
    // What is wrong with it by itself is said now, while it comes. A hard link may lead to
    // a layer below, so links that lead nowhere are left to the index of the whole.
    const devices = { tar: 0, data: 1 };
    new LayerTree().apply(members.filter(({ entry }) => entry.type !== "hardlink"), devices);
    const root = rootOf(members);
    writeMembers(directory, { members, tar: size, data: aside.end(), ...root && { root } });
    const bytes = members.reduce((sum, { entry }) => sum + entry.size, 0);
    const usage = { bytes, inodes: members.length }; // as if it were unpacked
    return { usage, implied: [], hasRoot: true, needsLower: false };
  } finally {
    closeFd(tar);
    aside.close();
  }
}

function sizeOf(fd: number): number {
  const status = statusAt(fd, "");
  return typeof status === "number" ? -1 : status.size;
}

function notThat(blob: string): CtrError {
  return new CtrError({
    code: "data_loss",
    operation: "read blob",
    subject: blob,
    reason: "it is not the layer that its name says",
    hint: "remove the image and pull it again",
  });
}

/**
 * The kernel reads whole blocks. Where an archive ends within one, which no usual one does, the file
 * that ends there is copied.
 */
function keepTail({ members, size }: ScannedLayer, tar: number, aside: AsideFile): void {
  const whole = size - size % BLOCK;
  for (const [index, member] of members.entries()) {
    const { entry, offset } = member;
    if (member.aside === true || entry.type !== "file" || offset + entry.size <= whole) continue;
    members[index] = { entry, offset: aside.copy(tar, offset, entry), aside: true };
  }
}

/** `MODE:UID:GID` of the root directory, if the layer lists it. */
function rootOf(members: readonly TarMember[]): string | undefined {
  const root = members.findLast(({ entry }) => cleanPath(entry.path) === "");
  if (root === undefined) return undefined;
  const { mode, uid, gid } = root.entry;
  return `${mode.toString(8)}:${uid}:${gid}`;
}

/** The file that gets what is not in the tar; made when there is something. Holes stay holes. */
class AsideFile implements Aside {
  readonly #path: string;
  #fd = -1;
  /** Where the next file begins. */
  #end = 0;
  #at = 0;

  constructor(path: string) {
    this.#path = toByteString(path);
  }

  begin({ size }: TarMember["entry"]): number {
    if (this.#fd < 0) this.#fd = create(this.#path);
    this.#at = this.#end;
    this.#end += Math.ceil(size / BLOCK) * BLOCK;
    return this.#at;
  }

  write(bytes: Uint8Array, at: number): void {
    this.#check("lseek", sys(SYS.lseek, this.#fd, this.#at + at, 0));
    writeAll(this.#fd, bytes, this.#path);
  }

  /** A file of the tar. @returns where it is then. */
  copy(from: number, offset: number, entry: TarMember["entry"]): number {
    const to = this.begin(entry);
    this.#check("lseek", sys(SYS.lseek, this.#fd, to, 0));
    this.#check("lseek", sys(SYS.lseek, from, offset, 0));
    for (let left = entry.size; left > 0;) {
      left -= this.#check(
        "copy_file_range",
        sys(SYS.copy_file_range, from, 0, this.#fd, 0, Math.min(left, 1 << 30), 0),
      );
    }
    return to;
  }

  /** @returns its size. */
  end(): number {
    if (this.#fd >= 0) this.#check("ftruncate", sys(SYS.ftruncate, this.#fd, this.#end));
    return this.#end;
  }

  close(): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    this.#fd = -1;
  }

  #check(call: string, result: number): number {
    return check("unpack", call, this.#path, result);
  }
}

function create(path: string): number {
  return openFile(path, O.O_CREAT | O.O_RDWR | O.O_TRUNC);
}

function openFile(path: string, flags: number): number {
  return check("unpack", "openat", path, openAt(AT.AT_FDCWD, path, flags, 0o600));
}
