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
import { mkdir, SYS } from "../program/mod.ts";
import type { SnapshotRow, State } from "../state/mod.ts";
import { cstring, fail, statusAt, toByteString } from "./_at.ts";
import { deleteTreeAt } from "./_delete_tree.ts";
import { directorySnapshotter, type Driver, VOLATILE } from "./store.ts";
import type { Mount, Snapshotter } from "./types.ts";

/** Label of a committed snapshot: JSON, `[{"source": "/usr", "target": "/usr"}]`. */
export const SUBTREES = "ctr.subtrees";

/** A host directory that appears, private and writable, inside. */
export interface Subtree {
  readonly source: string;
  readonly target: string;
  /** Bound read-only, where the host's file system cannot be a lower layer. */
  readonly readonly?: boolean;
}

const driver: Driver = {
  name: "overlayfs",
  rebase: true,
  create: (dir, [row, parent, ...rest]) => {
    mkdir(`${dir}/fs`);
    if (row!.kind === "view") return;
    inheritRoot(`${dir}/fs`, parent && `${parentOf(dir)}/${parent.number}/fs`);
    mkdir(`${dir}/work`, 0o700);
    subtrees(parent ? [parent, ...rest] : rest).forEach((tree, index) => {
      const { source } = tree;
      if (tree.readonly === true) return;
      mkdir(`${dir}/fs${index + 1}`);
      inheritRoot(`${dir}/fs${index + 1}`, source);
      mkdir(`${dir}/work${index + 1}`, 0o700);
    });
  },
  mounts: (root, [row, ...parents]) => {
    const dir = `${root}/${row!.number}`;
    const writable = row!.kind === "active";
    const volatile = row!.labels[VOLATILE] === "true";
    const trees = subtrees(parents);
    if (writable && volatile) forgetVolatile(dir, trees.length);
    const lowers = parents.map((parent) => `${root}/${parent.number}/fs`);
    return [
      writable
        ? overlay(lowers, { upper: `${dir}/fs`, work: `${dir}/work`, volatile })
        : overlay(lowers.length === 0 ? [`${dir}/fs`] : lowers, undefined),
      ...trees.map(({ source, target, readonly }, index) => ({
        ...overlay(
          [source],
          writable && readonly !== true
            ? { upper: `${dir}/fs${index + 1}`, work: `${dir}/work${index + 1}`, volatile }
            : undefined,
        ),
        target,
      })),
    ];
  },
  applyTarget: (root, row) => ({
    root: `${root}/${row.number}/fs`,
    whiteouts: "overlay",
  }),
  contents: (root, row) => [`${root}/${row.number}/fs`],
  layers: (root, chain) => chain.map((row) => `${root}/${row.number}/fs`),
};

/** The overlayfs snapshotter of a store. */
export function overlaySnapshotter(state: State): Snapshotter {
  return directorySnapshotter(driver, state);
}

/** Overlayfs wants two directories at least; one alone is bound. */
function overlay(
  lowers: readonly string[],
  writable: { upper: string; work: string; volatile: boolean } | undefined,
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

/** The upper directory's owner and mode are those of the merged root. mkdir obeyed the umask. */
function inheritRoot(path: string, parent: string | undefined): void {
  const name = toByteString(path);
  const status = parent === undefined ? undefined : statusAt(AT.AT_FDCWD, toByteString(parent));
  if (typeof status === "number") throw fail("prepare", "statx", toByteString(parent!), status);
  const { mode, uid, gid } = status ?? { mode: 0o755, uid: -1, gid: -1 };
  let result = sys(SYS.fchmodat, AT.AT_FDCWD, cstring(name), mode & 0o7777);
  if (result === 0 && status !== undefined && (uid !== 0 || gid !== 0)) {
    result = sys(SYS.fchownat, AT.AT_FDCWD, cstring(name), uid, gid, AT.AT_SYMLINK_NOFOLLOW);
  }
  if (result < 0) throw fail("prepare", "fchmodat", name, result);
}

/** Overlayfs refuses a work directory that was volatile before; it makes `work/work` anew. */
function forgetVolatile(dir: string, trees: number): void {
  for (let index = 0; index <= trees; index++) {
    const work = toByteString(`${dir}/work${index === 0 ? "" : index}/work`);
    deleteTreeAt(AT.AT_FDCWD, work, { left: Infinity });
  }
}

function parentOf(dir: string): string {
  return dir.slice(0, dir.lastIndexOf("/"));
}
