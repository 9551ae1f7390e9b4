/**
 * Snapshots: the layers of images and the writable directories of containers.
 *
 * ```ts
 * const snapshotter = await openSnapshotter("overlayfs", state);  // no other module loads
 * const mounts = await snapshotter.prepare(id, chainId, { volatile: autoRemove });
 * await snapshotter.mounts(id);                                  // again, for a restart
 * await snapshotter.remove(id);                                  // quick; the rest in the background
 * ```
 *
 * Terms: a *committed* snapshot is immutable and named by chain ID; an *active* one belongs to a
 * container and has the container's ID as key. `applyLayer` and `commitLayer` unpack.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { State } from "../state/mod.ts";
import { erofsSnapshotter } from "./erofs/snapshotter.ts";
import { overlaySnapshotter } from "./overlay.ts";
import type { Snapshotter } from "./types.ts";

export { rootAttributes, type Subtree, SUBTREES } from "./overlay.ts";
export type { ApplyResult } from "./apply.ts";
export type { ContainerChange } from "./changes.ts";
export type { LayerCommit, LayerSource } from "./layer.ts";
export { openLower } from "./open_lower.ts";
export { openUsual } from "./usual.ts";
export type {
  ApplyTarget,
  CommitOptions,
  DeleteLater,
  Mount,
  PrepareOptions,
  RemoveOptions,
  SnapshotInfo,
  SnapshotKind,
  Snapshotter,
  Usage,
} from "./types.ts";

/** The snapshotters there are. */
export const SNAPSHOTTERS: readonly string[] = ["overlayfs", "native", "erofs", "btrfs", "zfs"];

/** Makes a snapshotter of a store. */
export type OpenSnapshotter = (state: State) => Snapshotter;

/**
 * What opens a snapshotter of this name.
 *
 * @throws {CtrError} `invalid_argument` for an unknown name.
 */
export async function loadSnapshotter(name: string): Promise<OpenSnapshotter> {
  if (name === "overlayfs") return overlaySnapshotter;
  if (name === "native") return (await import("./native.ts")).nativeSnapshotter;
  if (name === "erofs") return erofsSnapshotter;
  if (name === "btrfs") return (await import("./btrfs.ts")).btrfsSnapshotter;
  if (name === "zfs") return (await import("./zfs.ts")).zfsSnapshotter;
  throw new CtrError({
    code: "invalid_argument",
    operation: "use snapshotter",
    subject: name,
    reason: "there is no such snapshotter",
    hint: `known are ${SNAPSHOTTERS.join(", ")}`,
  });
}

/** A snapshotter by name. @throws {CtrError} `invalid_argument` for an unknown name. */
export async function openSnapshotter(name: string, state: State): Promise<Snapshotter> {
  return (await loadSnapshotter(name))(state);
}

/** Unpack a layer's tar into an active snapshot; see {@link import("./layer.ts")}. */
export async function applyLayer(
  ...args: Parameters<typeof import("./layer.ts").applyLayer>
): Promise<import("./apply.ts").ApplyResult> {
  return (await import("./layer.ts")).applyLayer(...args);
}

/** Unpack a layer's tar to where a snapshotter wants it; see {@link import("./layer.ts")}. */
export async function applyTar(
  ...args: Parameters<typeof import("./layer.ts").applyTar>
): Promise<import("./apply.ts").ApplyResult> {
  return (await import("./layer.ts")).applyTar(...args);
}

/** Commit an unpacked layer on top of its parent; see {@link import("./layer.ts")}. */
export async function commitLayer(
  ...args: Parameters<typeof import("./layer.ts").commitLayer>
): Promise<void> {
  return (await import("./layer.ts")).commitLayer(...args);
}

/** Whether a directory can be a lower layer; `scratch` is where the upper one would be. */
export async function canOverlay(lower: string, scratch: string): Promise<boolean> {
  return (await import("./layer.ts")).canOverlay(lower, scratch);
}

/** Read and write tar archives. */
export const tar = (): Promise<typeof import("./tar.ts")> => import("./tar.ts");
/** The trees of containers: as archives, and what changed in them. */
export const trees = (): Promise<typeof import("./trees.ts")> => import("./trees.ts");
