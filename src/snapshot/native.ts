/**
 * The native snapshotter: every snapshot is a full copy of its parent. Slow, large, and right on
 * every file system; it shows that the contract does not depend on overlayfs.
 *
 * @module
 */

import { ensureDirectory } from "../program/mod.ts";
import type { State } from "../state/mod.ts";
import { copyTree } from "./copy_tree.ts";
import { subtrees } from "./overlay.ts";
import { directorySnapshotter, type Driver } from "./store.ts";
import type { Snapshotter } from "./types.ts";

const driver: Driver = {
  name: "native",
  rebase: false,
  create: (dir, [row, parent]) => {
    if (parent === undefined) ensureDirectory(`${dir}/fs`);
    else if (row!.kind === "active") copyTree(`${parentOf(dir)}/${parent.number}/fs`, `${dir}/fs`);
  },
  mounts: (root, [row, ...parents]) => {
    const [parent] = parents;
    const writable = row!.kind === "active";
    const number = writable || parent === undefined ? row!.number : parent.number;
    return [
      {
        type: "bind",
        source: `${root}/${number}/fs`,
        options: ["rbind", writable ? "rw" : "ro"],
      },
      ...subtrees(parents).map(({ source, target }) => ({
        type: "bind",
        source,
        target,
        options: ["rbind", "ro"],
      })),
    ];
  },
  applyTarget: (root, row) => ({ root: `${root}/${row.number}/fs`, whiteouts: "delete" }),
  contents: (root, row) => row.kind === "view" ? [] : [`${root}/${row.number}/fs`],
  layers: (root, [row]) => [`${root}/${row!.number}/fs`],
};

/** The native snapshotter of a store. */
export function nativeSnapshotter(state: State): Snapshotter {
  return directorySnapshotter(driver, state);
}

function parentOf(dir: string): string {
  return dir.slice(0, dir.lastIndexOf("/"));
}
