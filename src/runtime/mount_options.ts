/**
 * Mount options as fstab, runc and the runtime spec write them, as the kernel takes them.
 *
 * @module
 */

import { MS } from "../linux/mod.ts";

/** What an option does: flags of mount(2) to set or clear. */
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
  silent: MS.MS_SILENT,
  iversion: 1 << 23,
  lazytime: 1 << 25,
  acl: 1 << 16,
  remount: MS.MS_REMOUNT,
  bind: MS.MS_BIND,
  rbind: MS.MS_BIND | MS.MS_REC,
};

const CLEARS: Readonly<Record<string, number>> = {
  rw: MS.MS_RDONLY,
  suid: MS.MS_NOSUID,
  dev: MS.MS_NODEV,
  exec: MS.MS_NOEXEC,
  async: MS.MS_SYNCHRONOUS,
  nomand: MS.MS_MANDLOCK,
  symfollow: MS.MS_NOSYMFOLLOW,
  atime: MS.MS_NOATIME,
  diratime: MS.MS_NODIRATIME,
  norelatime: MS.MS_RELATIME,
  nostrictatime: MS.MS_STRICTATIME,
  loud: MS.MS_SILENT,
  noiversion: 1 << 23,
  nolazytime: 1 << 25,
  noacl: 1 << 16,
};

/** Propagation, one mount_setattr(2) each; the recursive ones begin with "r". */
const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.MS_PRIVATE,
  shared: MS.MS_SHARED,
  slave: MS.MS_SLAVE,
  unbindable: MS.MS_UNBINDABLE,
};

/** MOUNT_ATTR_* to set and to clear. */
type Attributes = readonly [set: number, clear: number];

const ATIME = 0x70;
const RECURSIVE: Readonly<Record<string, Attributes>> = {
  rro: [1, 0],
  rrw: [0, 1],
  rnosuid: [2, 0],
  rsuid: [0, 2],
  rnodev: [4, 0],
  rdev: [0, 4],
  rnoexec: [8, 0],
  rexec: [0, 8],
  rnoatime: [0x10, ATIME],
  ratime: [0, ATIME],
  rrelatime: [0, ATIME],
  rnorelatime: [0, ATIME], // the kernel's default, as for norelatime
  rstrictatime: [0x20, ATIME],
  rnostrictatime: [0, ATIME],
  rnodiratime: [0x80, 0],
  rdiratime: [0, 0x80],
  rnosymfollow: [0x200000, 0],
  rsymfollow: [0, 0x200000],
};

/** Words for the runtime, or for nobody. */
const OURS: ReadonlySet<string> = new Set(["defaults", "idmap", "ridmap", "tmpcopyup"]);

/** Everything that is not left to the file system. */
export function mountOptionNames(): string[] {
  const spread = Object.keys(PROPAGATION);
  return [
    ...[...Object.keys(FLAGS), ...Object.keys(CLEARS), ...Object.keys(RECURSIVE), ...OURS],
    ...[...spread, ...spread.map((name) => `r${name}`)],
  ].sort();
}

/** A change of a mount's attributes, as `struct mount_attr` says it. */
export interface AttributeChange {
  readonly set: number;
  readonly clear: number;
  /** MS_SHARED and the like, or 0. */
  readonly propagation: number;
  /** For everything mounted below, too. */
  readonly recursive: boolean;
  readonly mayFail?: boolean;
}

/** Options sorted by who reads them. */
export interface ParsedOptions {
  /** For mount(2). */
  readonly flags: number;
  /** What a new mount's attributes are changed to, in order; for binds also what `flags` say. */
  readonly changes: readonly AttributeChange[];
  /** What the file system itself reads. */
  readonly data: readonly string[];
}

/** Sort options; later ones win, unknown ones are the file system's. */
export function parseMountOptions(options: readonly string[] = []): ParsedOptions {
  let flags = 0;
  let cleared = 0;
  let [set, clear] = [0, 0];
  const changes: AttributeChange[] = [];
  const data: string[] = [];
  for (const option of options) {
    if (option in FLAGS) {
      flags |= FLAGS[option]!;
      cleared &= ~FLAGS[option]!;
    } else if (option in CLEARS) {
      flags &= ~CLEARS[option]!;
      cleared |= CLEARS[option]!;
    } else if (option in PROPAGATION) {
      changes.push({ set: 0, clear: 0, propagation: PROPAGATION[option]!, recursive: false });
    } else if (option.startsWith("r") && option.slice(1) in PROPAGATION) {
      const propagation = PROPAGATION[option.slice(1)]!;
      changes.push({ set: 0, clear: 0, propagation, recursive: true });
    } else if (option in RECURSIVE) {
      const [more, less] = RECURSIVE[option]!;
      set = (set & ~less & ~(more & ATIME ? ATIME : 0)) | more;
      clear = (clear & ~more) | less;
    } else if (option !== "" && !OURS.has(option)) data.push(option);
  }
  if (set !== 0 || clear !== 0) changes.push({ set, clear, propagation: 0, recursive: true });
  if (flags & MS.MS_BIND) changes.unshift(...bindAttributes(flags, cleared));
  return { flags, changes, data };
}

/** Attributes of a bind mount that the words for it say, and no others. */
const BIND = MS.MS_RDONLY | MS.MS_NOSUID | MS.MS_NODEV | MS.MS_NOEXEC;
const NODIRATIME = 0x80;
const NOSYMFOLLOW = 0x200000;

/** The attributes of a mount that flags of mount(2) ask for. */
export function attributesOf(flags: number): number {
  const times = flags & MS.MS_NOATIME ? 0x10 : flags & MS.MS_STRICTATIME ? 0x20 : 0;
  return (flags & BIND) | times | (flags & MS.MS_NODIRATIME ? NODIRATIME : 0) |
    (flags & MS.MS_NOSYMFOLLOW ? NOSYMFOLLOW : 0);
}

/**
 * A bind mount takes its flags as attributes: the file system below has others already. As with
 * mount(8), one word makes that nothing of the source's attributes stays that is not said, but for
 * the mode of access times; where that is refused, in a user namespace, the others stay.
 */
function bindAttributes(flags: number, cleared: number): AttributeChange[] {
  const set = attributesOf(flags);
  let clear = attributesOf(cleared) & ~ATIME;
  const times = MS.MS_NOATIME | MS.MS_STRICTATIME;
  if ((flags & (times | MS.MS_RELATIME)) | (cleared & times)) clear |= ATIME;
  if (set === 0 && clear === 0) return [];
  const said = { set, clear, propagation: 0, recursive: false };
  const all = clear | (BIND | NOSYMFOLLOW) & ~set;
  if (flags & MS.MS_REMOUNT || all === clear) return [said];
  return [{ ...said, clear: all, mayFail: true }, said];
}

/** The data page of an overlay mount: `lowerdir+=A`, `lowerdir+=B` become `lowerdir=A:B`. */
export function overlayData(options: readonly string[]): string {
  const lowers: string[] = [];
  const others: string[] = [];
  for (const option of options) {
    if (option.startsWith("lowerdir+=")) {
      lowers.push(option.slice("lowerdir+=".length).replace(/[\\:,]/g, "\\$&"));
    } else others.push(option);
  }
  return [...lowers.length === 0 ? [] : [`lowerdir=${lowers.join(":")}`], ...others].join(",");
}
