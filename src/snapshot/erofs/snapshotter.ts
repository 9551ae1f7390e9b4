/**
 * The EROFS snapshotter: layers are not unpacked. A committed snapshot is the tar of a layer, as it
 * is, and the list of its members; the layers below a container become one EROFS image that points
 * into the tars, and that is the single lower layer of its overlay.
 *
 * ```
 * DATA/content/blobs/sha256/…      a layer's tar, as the blob that its diffID names
 * DATA/snapshots/erofs/7/members   what is in it, and where
 *                       /data      of it, what cannot be read from there: sparse files
 *                       /index     EROFS image of it and all below, made when first needed
 *                       /etc       passwd and group of that image
 * DATA/snapshots/erofs/12/fs       a container's files
 *                        /work     overlayfs's
 * ```
 *
 * Which blob a snapshot needs, and whether it has `data`, is in its labels: a start reads nothing.
 *
 * Needs Linux 6.12: file-backed EROFS.
 *
 * @module
 */

import type { SnapshotRow, SnapshotTable, State } from "../../state/mod.ts";
import { AT } from "../../linux/mod.ts";
import { exists } from "../../program/mod.ts";
import { toByteString } from "../_at.ts";
import { deleteTreeAt } from "../_delete_tree.ts";
import { makeRoot, makeWritable, renewWork, ROOT, subtreeMounts, TRACES } from "../overlay.ts";
import { directorySnapshotter, type Driver, VOLATILE } from "../store.ts";
import type { Mount, Snapshotter } from "../types.ts";
import { BLOB, blobFile, DATA, dataFile } from "./labels.ts";

const driver: Driver = {
  name: "erofs",
  rebase: true,
  traces: {
    written: TRACES.written,
    // A layer's come first; a container has none of them.
    kept: {
      files: [
        ...["tar", "data", "members", "index", "etc/passwd", "etc/group"],
        ...TRACES.kept.files,
      ],
      directories: ["etc", ...TRACES.kept.directories],
    },
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
    keep: { directory: `${root}/${number}` },
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
    applyTarget: async (key, { diffId } = {}) => {
      const target = await base.applyTarget(key);
      const stored = diffId === undefined ? undefined : blobFile(contentOf(root), diffId);
      if (stored === undefined || !exists(stored)) return target;
      return { ...target, keep: { ...target.keep!, stored } };
    },
    commit: async (name, key, options = {}) => {
      const row = table.get(key);
      if (row?.kind !== "active") return base.commit(name, key, options); // says what is wrong
      const directory = `${root}/${row.number}`;
      const { freezeLayer, freezeDirectory } = await import("./freeze.ts");
      const frozen = exists(`${directory}/members`)
        ? await freezeLayer(directory, contentOf(root), options.diffId)
        : freezeDirectory(directory, inheritedRoot(table.chain(key).slice(1)));
      const labels = { ...options.labels, ...frozen.labels };
      const usage = options.usage ?? frozen.usage;
      await base.commit(name, key, { ...options, labels, ...(usage && { usage }) });
      for (const name of ["fs", "work"]) discard(`${directory}/${name}`);
    },
    cleanup: async (later) => {
      (await import("./ensure_index.ts")).removeUnfinished(root, table);
      await base.cleanup(later);
    },
    blobs: (name) => {
      const rows = name === undefined ? table.list() : [table.get(name)];
      return rows.flatMap((row) => row?.labels[BLOB] ?? []);
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
  const { writeOnce } = await import("./ensure_index.ts");
  const layers = table.chain(parent!).map(({ number, labels }) => ({
    directory: `${root}/${number}`,
    tarPath: labels[BLOB] === undefined ? "" : blobFile(contentOf(root), labels[BLOB]),
  }));
  await writeOnce(indexFile(root, row), layers.reverse());
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
  const devices = parents.toReversed().flatMap((row) => devicesOf(root, row));
  const lower = {
    type: "erofs",
    source: indexFile(root, parents[0]!),
    options: ["ro", ...devices.map((path) => `device=${path}`)],
    files: `${root}/${parents[0]!.number}`,
  };
  if (!writable) return lower;
  const options = [`upperdir=${dir}/fs`, `workdir=${dir}/work`];
  if (row.labels[VOLATILE] === "true") options.push("volatile");
  return { type: "overlay", source: "overlay", options, lowers: [lower] };
}

/** In the order in which the index numbers them. */
function devicesOf(root: string, { number, labels }: SnapshotRow): string[] {
  const { [BLOB]: blob, [DATA]: data } = labels;
  return [
    ...blob === undefined ? [] : [blobFile(contentOf(root), blob)],
    ...data === undefined ? [] : [dataFile(`${root}/${number}`)],
  ];
}

/** The content store beside the snapshots. */
function contentOf(root: string): string {
  return `${root.slice(0, -`/snapshots/${driver.name}`.length)}/content`;
}

function discard(path: string): void {
  deleteTreeAt(AT.AT_FDCWD, toByteString(path), { left: Infinity });
}
