/**
 * The writable directory of a container to a layer: its files go into one, in blocks, and the rest
 * into the list of members. Overlayfs's whiteouts become those of layers.
 *
 * @module
 */

import { sys } from "../../../ffi/mod.ts";
import { AT, O, S } from "../../linux/mod.ts";
import { O_ARCH, SYS } from "../../program/mod.ts";
import {
  check,
  closeFd,
  openAt,
  openDirectoryAt,
  readDirectory,
  type Status,
  statusAt,
  toByteString,
} from "../_at.ts";
import { writeAll } from "../_entries.ts";
import { getXattrs } from "../_metadata.ts";
import { isWhiteout } from "../_root.ts";
import { readLink } from "../_walk.ts";
import { below } from "../_whiteout.ts";
import type { TarEntry, TarType } from "../tar_header.ts";
import { dataFile } from "./labels.ts";
import { writeMembers } from "./layer_files.ts";
import type { TarMember } from "./scan.ts";

const BLOCK = 512;

const TYPES: Readonly<Record<number, TarType>> = {
  [S.S_IFREG]: "file",
  [S.S_IFDIR]: "directory",
  [S.S_IFLNK]: "symlink",
  [S.S_IFCHR]: "character",
  [S.S_IFBLK]: "block",
  [S.S_IFIFO]: "fifo",
};

/** Store the files of `from` as a layer in `directory`. Sockets are left out. */
export function keepDirectory(directory: string, from: string): void {
  const path = toByteString(dataFile(directory));
  const flags = O.O_CREAT | O.O_WRONLY | O.O_TRUNC;
  const data = check("commit", "openat", path, openAt(AT.AT_FDCWD, path, flags, 0o600));
  const members: TarMember[] = [];
  const links = new Map<string, string>();
  let size = 0;

  const addFile = (fd: number, entry: TarEntry): void => {
    const offset = size;
    for (;;) {
      const copied = sys(SYS.copy_file_range, fd, 0, data, 0, 1 << 30, 0);
      if (check("commit", "copy_file_range", entry.path, copied) === 0) break;
      size += copied;
    }
    members.push({ entry: { ...entry, size: size - offset }, offset, aside: true });
    const padding = -size & (BLOCK - 1);
    if (padding > 0) writeAll(data, new Uint8Array(padding), path);
    size += padding;
  };

  const add = (parent: number, name: string, at: string): void => {
    const status = statusAt(parent, name);
    if (typeof status === "number") return;
    const type = TYPES[status.mode & S.S_IFMT];
    if (type === undefined) return;
    if (isWhiteout(status)) {
      const above = at.slice(0, at.length - name.length);
      members.push({ entry: entryOf(`${above}.wh.${name}`, "file"), offset: size });
      return;
    }
    const key = `${status.dev}/${status.ino}`;
    const first = links.get(key);
    if (first !== undefined) {
      members.push({ entry: { ...entryOf(at, "hardlink"), link: first }, offset: size });
      return;
    }
    if (type !== "directory" && status.links > 1) links.set(key, at);
    const entry = entryOf(at, type, status);
    if (type === "file") {
      const fd = check("commit", "openat", at, openAt(parent, name, O_ARCH.O_NOFOLLOW));
      try {
        addFile(fd, { ...entry, xattrs: getXattrs(fd, at) });
      } finally {
        closeFd(fd);
      }
    } else {
      const link = type === "symlink" ? readLink(parent, name) : "";
      if (type !== "directory") members.push({ entry: { ...entry, link }, offset: size });
      else addDirectory(parent, name, at, entry);
    }
  };

  const addDirectory = (parent: number, name: string, at: string, entry: TarEntry): void => {
    const fd = check("commit", "openat", at, openDirectoryAt(parent, name));
    try {
      const xattrs = getXattrs(fd, at);
      members.push({ entry: { ...entry, xattrs }, offset: size });
      if (xattrs.get("trusted.overlay.opaque")?.[0] === 0x79) {
        members.push({ entry: entryOf(below(at, ".wh..wh..opq"), "file"), offset: size });
      }
      for (const { name } of readDirectory(fd, at)) add(fd, name, below(at, name));
    } finally {
      closeFd(fd);
    }
  };

  try {
    const root = toByteString(from);
    const status = expectStatus(statusAt(AT.AT_FDCWD, root), root);
    addDirectory(AT.AT_FDCWD, root, "", entryOf("./", "directory", status));
    writeMembers(directory, { members, tar: 0, data: size });
  } finally {
    closeFd(data);
  }
}

function expectStatus(status: Status | number, path: string): Status {
  if (typeof status === "number") check("commit", "statx", path, status);
  return status as Status;
}

function entryOf(path: string, type: TarType, status?: Status): TarEntry {
  return {
    path,
    type,
    link: "",
    mode: (status?.mode ?? 0) & 0o7777,
    uid: status?.uid ?? 0,
    gid: status?.gid ?? 0,
    size: 0,
    mtimeSec: status?.mtimeSec ?? 0,
    mtimeNs: status?.mtimeNs ?? 0,
    deviceMajor: status?.rdevMajor ?? 0,
    deviceMinor: status?.rdevMinor ?? 0,
    xattrs: undefined,
  };
}
