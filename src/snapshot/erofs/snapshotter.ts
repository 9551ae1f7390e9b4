/**
 * The EROFS snapshotter: layers are not unpacked. A committed snapshot is the tar of a layer, as it
 * is, and the list of its members; the layers below a container become one EROFS image that points
 * into the tars, and that is the single lower layer of its overlay.
 *
 * ```
 * DATA/snapshots/erofs/7/data      a layer's tar
 *                       /members   what is in it, and where
 *                       /index     EROFS image of it and all below, made when first needed
 * DATA/snapshots/erofs/12/fs       a container's files
 *                        /work     overlayfs's
 * ```
 *
 * Needs Linux 6.13: file-backed EROFS, and overlayfs over mounts that are nowhere.
 *
 * @module
 */

import type { SnapshotRow, SnapshotTable, State } from "../../state/mod.ts";
import { AT } from "../../linux/mod.ts";
import { exists } from "../../program/mod.ts";
import { toByteString } from "../_at.ts";
import { deleteTreeAt } from "../_delete_tree.ts";
import {
  makeRoot,
  makeWritable,
  renewWork,
  ROOT,
  rootAttributes,
  subtreeMounts,
  TRACES,
} from "../overlay.ts";
import { directorySnapshotter, type Driver, VOLATILE } from "../store.ts";
import type { Mount, Snapshotter } from "../types.ts";
import { dataFile } from "./layer_files.ts";

const DEFAULT_ROOT = "755:0:0";

const driver: Driver = {
  name: "erofs",
  rebase: true,
  traces: {
    written: TRACES.written,
    // The first three are a layer's; a container has none of them.
    kept: { ...TRACES.kept, files: ["data", "members", "index", ...TRACES.kept.files] },
  },
  create: (dir, [row, ...parents]) => {
    makeRoot(`${dir}/fs`, inheritedRoot(parents));
    if (row!.kind === "active") makeWritable(dir, parents);
  },
  mounts: (root, [row, ...parents]) => [
    rootMount(root, row!, parents),
    ...subtreeMounts(`${root}/${row!.number}`, row!, parents),
  ],
  prepareRemount: renewWork,
  applyTarget: (root, { number }) => ({
    root: `${root}/${number}/fs`,
    whiteouts: "overlay",
    keep: `${root}/${number}`,
  }),
  contents: (root, row) => row.kind !== "active" ? [] : [`${root}/${row.number}/fs`],
  layers: (root, chain) => chain.map(({ number }) => `${root}/${number}`),
};

/** The EROFS snapshotter of a store. */
export function erofsSnapshotter(state: State): Snapshotter {
  const table = state.snapshots(driver.name);
  const root = `${state.dirs.data}/snapshots/${driver.name}`;
  const base = directorySnapshotter(driver, state);
  return {
    ...base,
    ready: (name) => ensureIndex(root, table, name),
    prepare: async (key, parent, options) => {
      await ensureIndex(root, table, parent);
      return base.prepare(key, parent, options);
    },
    view: async (key, parent) => {
      await ensureIndex(root, table, parent);
      return base.view(key, parent);
    },
    commit: async (name, key, options = {}) => {
      const row = table.get(key);
      if (row?.kind !== "active") return base.commit(name, key, options); // says what is wrong
      const directory = `${root}/${row.number}`;
      let usage = options.usage;
      let labels = options.labels ?? {};
      if (!exists(`${directory}/members`)) {
        const { diskUsage } = await import("../usage.ts");
        usage ??= await diskUsage([`${directory}/fs`]);
        const { keepDirectory } = await import("./keep_directory.ts");
        keepDirectory(directory, `${directory}/fs`);
        const attributes = rootAttributes(`${directory}/fs`) ?? DEFAULT_ROOT;
        const inherited = inheritedRoot(table.chain(key).slice(1)) ?? DEFAULT_ROOT;
        if (attributes !== inherited) labels = { ...labels, [ROOT]: attributes };
      } else {
        const { rootOf } = await import("./chain_index.ts");
        const attributes = rootOf(directory);
        if (attributes !== undefined) labels = { ...labels, [ROOT]: attributes };
      }
      await base.commit(name, key, { ...options, labels, ...(usage && { usage }) });
      for (const name of ["fs", "work"]) discard(`${directory}/${name}`);
    },
  };
}

/** What a view or a container of these layers mounts must be there first. */
async function ensureIndex(
  root: string,
  table: SnapshotTable,
  parent: string | undefined,
): Promise<void> {
  const row = parent === undefined ? undefined : table.get(parent);
  if (row?.kind !== "committed" || exists(indexFile(root, row))) return;
  const { writeChainIndex } = await import("./chain_index.ts");
  const chain = table.chain(parent!).map(({ number }) => `${root}/${number}`);
  writeChainIndex(indexFile(root, row), chain.reverse());
}

/** What the topmost layer that says something of its root directory says. */
function inheritedRoot(parents: readonly SnapshotRow[]): string | undefined {
  return parents.find(({ labels }) => labels[ROOT] !== undefined)?.labels[ROOT];
}

function indexFile(root: string, { number }: SnapshotRow): string {
  return `${root}/${number}/index`;
}

function rootMount(root: string, row: SnapshotRow, parents: readonly SnapshotRow[]): Mount {
  const dir = `${root}/${row.number}`;
  const writable = row.kind === "active";
  if (parents.length === 0) {
    const options = ["rbind", writable ? "rw" : "ro"];
    return { type: "bind", source: `${dir}/fs`, options };
  }
  const devices = parents.map(({ number }) => `device=${dataFile(`${root}/${number}`)}`).reverse();
  const lower = {
    type: "erofs",
    source: indexFile(root, parents[0]!),
    options: ["ro", ...devices],
  };
  if (!writable) return lower;
  const options = [`upperdir=${dir}/fs`, `workdir=${dir}/work`];
  if (row.labels[VOLATILE] === "true") options.push("volatile");
  return { type: "overlay", source: "overlay", options, lowers: [lower] };
}

function discard(path: string): void {
  deleteTreeAt(AT.AT_FDCWD, toByteString(path), { left: Infinity });
}
