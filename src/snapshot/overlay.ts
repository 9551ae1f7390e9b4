/**
 * The overlayfs snapshotter: a layer is a directory, a container an overlay over them.
 *
 * `DATA/snapshots/overlayfs/N/fs` holds the files, `N/work` is overlayfs's. A committed snapshot may
 * name host directories as *subtrees* in its labels: every snapshot on top gets a private overlay
 * over each of them (`fs1`, `work1` …), which is how the built-in image shows the host's `/usr`.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import type { SnapshotRow, State } from "../state/mod.ts";
import { cstring, fail, mkdirAt, statusAt, toByteString } from "./_at.ts";
import { deleteTreeAt } from "./_delete_tree.ts";
import { inUserNamespace } from "./_user_namespace.ts";
import { directorySnapshotter, type Driver, VOLATILE } from "./store.ts";
import type { Mount, Snapshotter } from "./types.ts";

/** Label of a committed snapshot: JSON, `[{"source": "/usr", "target": "/usr"}]`. */
export const SUBTREES = "ctr.subtrees";

/** A host directory that appears, private and writable, inside. */
export interface Subtree {
  readonly source: string;
  readonly target: string;
  /** Mode, owner and group of its root, as {@link rootAttributes} writes them. */
  readonly root?: string;
  /** Bound read-only, where the host's file system cannot be a lower layer. */
  readonly readonly?: boolean;
}

/** What the runtime puts into an image that has no such files, and overlayfs into its directories. */
export const TRACES = {
  written: {
    files: ["fs/etc/hostname", "fs/etc/hosts", "fs/etc/resolv.conf"],
    directories: ["fs/etc", "fs", "fs1"],
  },
  kept: {
    files: ["work/work/incompat/volatile/dirty", "work1/work/incompat/volatile/dirty"],
    directories: [
      ...["work/work/incompat/volatile", "work/work/incompat", "work/work", "work"],
      ...["work1/work/incompat/volatile", "work1/work/incompat", "work1/work", "work1"],
    ],
  },
};

/** Label: mode, owner and group of the root directory, where they are not those of mkdir. */
export const ROOT = "ctr.root";

const driver: Driver = {
  name: "overlayfs",
  rebase: true,
  traces: TRACES,
  create: (dir, [row, ...parents]) => {
    makeRoot(`${dir}/fs`, parents[0]?.labels[ROOT]);
    if (row!.kind === "active") makeWritable(dir, parents);
  },
  mounts: (root, [row, ...parents]) => {
    const dir = `${root}/${row!.number}`;
    const lowers = parents.map((parent) => `${root}/${parent.number}/fs`);
    return [
      row!.kind === "active"
        ? overlay(lowers, writable(dir, row!, ""))
        : overlay(lowers.length === 0 ? [`${dir}/fs`] : lowers, undefined),
      ...subtreeMounts(dir, row!, parents),
    ];
  },
  prepareRemount: renewWork,
  commitLabels: (root, row): Readonly<Record<string, string>> => {
    const owner = rootAttributes(`${root}/${row.number}/fs`);
    return owner === undefined ? {} : { [ROOT]: owner };
  },
  applyTarget: (root, row) => ({ root: `${root}/${row.number}/fs`, whiteouts: "overlay" }),
  contents: (root, row) => [`${root}/${row.number}/fs`],
  layers: (root, chain) => chain.map((row) => `${root}/${row.number}/fs`),
};

/** The overlayfs snapshotter of a store. */
export function overlaySnapshotter(state: State): Snapshotter {
  return directorySnapshotter(driver, state);
}

/** What overlayfs needs besides `fs`, for the root and for each subtree. */
export function makeWritable(dir: string, parents: readonly SnapshotRow[]): void {
  makeDirectory(`${dir}/work`, 0o700);
  subtrees(parents).forEach((tree, index) => {
    if (tree.readonly === true) return;
    makeRoot(`${dir}/fs${index + 1}`, tree.root);
    makeDirectory(`${dir}/work${index + 1}`, 0o700);
  });
}

/** Overlayfs refuses a work directory that was volatile before; it makes `work/work` anew. */
export function renewWork(root: string, [row, ...parents]: readonly SnapshotRow[]): void {
  if (row!.labels[VOLATILE] !== "true") return;
  const dir = `${root}/${row!.number}`;
  for (const suffix of ["", ...subtrees(parents).map((_, index) => index + 1)]) {
    const work = toByteString(`${dir}/work${suffix}/work`);
    deleteTreeAt(AT.AT_FDCWD, work, { left: Infinity });
  }
}

/** The mounts of the host's directories that a chain of parents brings. */
export function subtreeMounts(
  dir: string,
  row: SnapshotRow,
  parents: readonly SnapshotRow[],
): readonly Mount[] {
  const active = row.kind === "active";
  return subtrees(parents).map(({ source, target, readonly }, index) => ({
    ...overlay(
      [source],
      active && readonly !== true ? writable(dir, row, `${index + 1}`) : undefined,
    ),
    target,
  }));
}

interface Writable {
  readonly upper: string;
  readonly work: string;
  readonly volatile: boolean;
}

function writable(dir: string, row: SnapshotRow, suffix: string): Writable {
  const volatile = row.labels[VOLATILE] === "true";
  return { upper: `${dir}/fs${suffix}`, work: `${dir}/work${suffix}`, volatile };
}

/** Overlayfs wants two directories at least; one alone is bound. */
function overlay(
  lowers: readonly string[],
  writable: Writable | undefined,
): Mount {
  if (writable === undefined && lowers.length === 1) {
    return { type: "bind", source: lowers[0]!, options: ["rbind", "ro"] };
  }
  if (writable !== undefined && lowers.length === 0) {
    return { type: "bind", source: writable.upper, options: ["rbind", "rw"] };
  }
  const options = lowers.map((lower) => `lowerdir+=${lower}`);
  if (writable !== undefined) {
    options.push(`upperdir=${writable.upper}`, `workdir=${writable.work}`);
    if (writable.volatile) options.push("volatile");
  }
  if (inUserNamespace()) options.push("userxattr");
  return { type: "overlay", source: "overlay", options };
}

/** The subtrees that a chain of parents brings. */
export function subtrees(parents: readonly SnapshotRow[]): readonly Subtree[] {
  for (const parent of parents) {
    const label = parent.labels[SUBTREES];
    if (label !== undefined) return JSON.parse(label);
  }
  return [];
}

/** `MODE:UID:GID`, the mode octal; undefined for `755:0:0`. */
export function rootAttributes(path: string): string | undefined {
  const name = toByteString(path);
  const status = statusAt(AT.AT_FDCWD, name);
  if (typeof status === "number") throw fail("inspect", "statx", name, status);
  const text = `${(status.mode & 0o7777).toString(8)}:${status.uid}:${status.gid}`;
  return text === "755:0:0" ? undefined : text;
}

/** A directory of this mode. */
export function makeDirectory(path: string, mode: number): void {
  const name = toByteString(path);
  const result = mkdirAt(AT.AT_FDCWD, name, mode);
  if (result < 0) throw fail("prepare snapshot", "mkdirat", name, result);
}

/** An upper directory: its owner and mode are those of the merged root. */
export function makeRoot(path: string, attributes: string | undefined): void {
  makeDirectory(path, 0o755);
  const [mode, uid, gid] = (attributes ?? "755:0:0").split(":");
  const name = cstring(toByteString(path));
  let result = sys(SYS.fchmodat, AT.AT_FDCWD, name, parseInt(mode!, 8)); // mkdir obeyed the umask
  if (result === 0 && attributes !== undefined) {
    result = sys(SYS.fchownat, AT.AT_FDCWD, name, Number(uid), Number(gid), 0);
  }
  if (result < 0) throw fail("prepare snapshot", "fchmodat", toByteString(path), result);
}
