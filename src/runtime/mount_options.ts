/**
 * Mount options as fstab, runc and the runtime spec write them, as the kernel takes them.
 *
 * @module
 */

import { MOUNT_ATTR, MS } from "../linux/mod.ts";

const FLAGS: Readonly<Record<string, number>> = {
  ro: MS.MS_RDONLY,
  nosuid: MS.MS_NOSUID,
  nodev: MS.MS_NODEV,
  noexec: MS.MS_NOEXEC,
  sync: MS.MS_SYNCHRONOUS,
  dirsync: MS.MS_DIRSYNC,
  mand: MS.MS_MANDLOCK,
  nosymfollow: MS.MS_NOSYMFOLLOW,
  noatime: MS.MS_NOATIME,
  nodiratime: MS.MS_NODIRATIME,
  relatime: MS.MS_RELATIME,
  strictatime: MS.MS_STRICTATIME,
  bind: MS.MS_BIND,
  rbind: MS.MS_BIND | MS.MS_REC,
};

const CLEARS: Readonly<Record<string, number>> = {
  rw: MS.MS_RDONLY,
  suid: MS.MS_NOSUID,
  dev: MS.MS_NODEV,
  exec: MS.MS_NOEXEC,
  async: MS.MS_SYNCHRONOUS,
  atime: MS.MS_NOATIME,
  diratime: MS.MS_NODIRATIME,
  norelatime: MS.MS_RELATIME,
  nostrictatime: MS.MS_STRICTATIME,
  symfollow: MS.MS_NOSYMFOLLOW,
};

const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.MS_PRIVATE,
  rprivate: MS.MS_PRIVATE | MS.MS_REC,
  shared: MS.MS_SHARED,
  rshared: MS.MS_SHARED | MS.MS_REC,
  slave: MS.MS_SLAVE,
  rslave: MS.MS_SLAVE | MS.MS_REC,
  unbindable: MS.MS_UNBINDABLE,
  runbindable: MS.MS_UNBINDABLE | MS.MS_REC,
};

const RECURSIVE_ATTRIBUTES: Readonly<Record<string, number>> = {
  rro: MOUNT_ATTR.MOUNT_ATTR_RDONLY,
  rnosuid: MOUNT_ATTR.MOUNT_ATTR_NOSUID,
  rnodev: MOUNT_ATTR.MOUNT_ATTR_NODEV,
  rnoexec: MOUNT_ATTR.MOUNT_ATTR_NOEXEC,
};

/** Options split into what mount(2), a second mount(2) and mount_setattr(2) take. */
export interface ParsedOptions {
  readonly flags: number;
  /** MS_SHARED and the like, one call each. */
  readonly propagation: readonly number[];
  /** MOUNT_ATTR_* to set on the whole tree. */
  readonly recursive: number;
  /** What the file system itself reads. */
  readonly data: string;
}

/** Sort options; later ones win, unknown ones are the file system's. */
export function parseMountOptions(options: readonly string[] = []): ParsedOptions {
  let flags = 0;
  let recursive = 0;
  const propagation: number[] = [];
  const data: string[] = [];
  for (const option of options) {
    if (option in FLAGS) flags |= FLAGS[option]!;
    else if (option in CLEARS) flags &= ~CLEARS[option]!;
    else if (option in PROPAGATION) propagation.push(PROPAGATION[option]!);
    else if (option in RECURSIVE_ATTRIBUTES) recursive |= RECURSIVE_ATTRIBUTES[option]!;
    else if (option !== "defaults") data.push(option);
  }
  return { flags, propagation, recursive, data: data.join(",") };
}

/** The data page of an overlay mount: `lowerdir+=A`, `lowerdir+=B` become `lowerdir=A:B`. */
export function overlayData(options: readonly string[]): string {
  const lowers: string[] = [];
  const others: string[] = [];
  for (const option of options) {
    if (option.startsWith("lowerdir+=")) lowers.push(option.slice("lowerdir+=".length));
    else others.push(option);
  }
  const escaped = lowers.map((path) => path.replace(/[\\:,]/g, "\\$&"));
  return [...lowers.length === 0 ? [] : [`lowerdir=${escaped.join(":")}`], ...others].join(",");
}
