/**
 * One layer, from its tar to a committed snapshot. With a snapshotter that can rebase, layers are
 * unpacked at the same time, each into a directory of its own, before those below it exist. Three
 * things of a layer depend on what is below, and are put right when it is stacked:
 *
 *  - directories that it does not list but has entries in take mode, owner and times from below;
 *  - the same for the root directory, which many layers leave out;
 *  - where such a directory is a symbolic link below (`lib → usr/lib`), or a hard link's target is in
 *    a lower layer, the layer is unpacked again through a merged view of everything below.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { O, RESOLVE } from "../linux/mod.ts";
import { findDirectory } from "./find_directory.ts";
import { close, ensureDirectory, O_ARCH, open, SYS } from "../program/mod.ts";
import { closeFd, fail, openInRoot, type Status, statusAt } from "./_at.ts";
import { deleteTreeAt } from "./_delete_tree.ts";
import { openMerged } from "./_merged.ts";
import { getXattrs, setTimes, setXattrs } from "./_metadata.ts";
import { makeRoot } from "./overlay.ts";
import { applier, type ApplyResult } from "./apply.ts";
import type { ApplyTarget, Snapshotter, Usage } from "./types.ts";

/** A layer's uncompressed tar. */
export type LayerSource = () => AsyncIterable<Uint8Array>;

/**
 * Unpack a tar into an active snapshot. Nothing is committed.
 *
 * @throws {CtrError} for a malformed or hostile archive.
 */
export async function applyLayer(
  snapshotter: Snapshotter,
  key: string,
  source: LayerSource,
  options: Parameters<Snapshotter["applyTarget"]>[1] = {},
): Promise<ApplyResult> {
  return await applyTar(await snapshotter.applyTarget(key, options), source());
}

/** The same, for who has no store at hand: nothing but the target is touched. */
export async function applyTar(
  target: ApplyTarget,
  source: AsyncIterable<Uint8Array>,
): Promise<ApplyResult> {
  if (target.keep === undefined) return await applyTo(target, () => source);
  return await (await import("./erofs/keep_layer.ts")).keepLayer(target.keep, source);
}

async function applyTo(
  target: Parameters<typeof applier>[0],
  source: LayerSource,
): Promise<ApplyResult> {
  const unpacking = applier(target);
  try {
    for await (const chunk of source()) unpacking.push(chunk);
    return unpacking.end();
  } finally {
    unpacking.close();
  }
}

/** What {@link commitLayer} stacks. */
export interface LayerCommit {
  /** The active snapshot that `result` was unpacked into. */
  readonly key: string;
  /** Chain ID. */
  readonly name: string;
  /** Chain ID below, already committed. */
  readonly parent: string | undefined;
  readonly result: ApplyResult;
  /** The tar once more, in case it has to be unpacked through the layers below. */
  readonly source: LayerSource;
  /** Its digest, if that is known. */
  readonly diffId?: string;
}

/**
 * Commit an unpacked layer under its chain ID on top of its parent. Atomic. When another process
 * committed the same chain ID meanwhile, the error is `already_exists` and `key` remains.
 */
export async function commitLayer(snapshotter: Snapshotter, layer: LayerCommit): Promise<void> {
  const { key, name, parent, result, diffId } = layer;
  let usage: Usage = result.usage;
  if (snapshotter.rebase && (parent !== undefined || result.needsLower)) {
    usage = await settle(snapshotter, layer, parent);
  }
  await snapshotter.commit(name, key, {
    usage,
    ...(snapshotter.rebase ? { parent } : {}),
    ...(diffId === undefined ? {} : { diffId }),
  });
}

async function settle(
  snapshotter: Snapshotter,
  { key, result, source }: LayerCommit,
  parent: string | undefined,
): Promise<Usage> {
  const { root } = await snapshotter.applyTarget(key);
  const lowers = parent === undefined ? [] : await snapshotter.layers(parent);
  if (!result.needsLower) {
    if (result.hasRoot && result.implied.length === 0) return result.usage;
    if (inherit(root, lowers, result)) return result.usage;
  }
  // Through the merged view; overlayfs then writes whiteouts and copies up by itself.
  const fd = open(parentOf(root), O.O_RDONLY | O_ARCH.O_DIRECTORY);
  try {
    for (const name of ["fs", "relayer"]) deleteTreeAt(fd, name, { left: Infinity });
    makeRoot(root, undefined);
    ensureDirectory(`${parentOf(root)}/relayer`, 0o700);
    const upper = { upper: root, work: `${parentOf(root)}/relayer` };
    inherit(root, lowers, { implied: [], hasRoot: false });
    const merged = lowers.length === 0 ? root : openMerged(lowers, upper);
    const target = { root: merged, whiteouts: "delete" as const };
    const { usage } = await applyTo(target, source);
    deleteTreeAt(fd, "relayer", { left: Infinity });
    return usage;
  } finally {
    close(fd);
  }
}

/**
 * Give implied directories what the layers below say of them. Those were put right themselves, so
 * the topmost one that has the directory is right.
 *
 * @returns false when one of them is not a directory below.
 */
function inherit(
  root: string,
  lowers: readonly string[],
  { implied, hasRoot }: Pick<ApplyResult, "implied" | "hasRoot">,
): boolean {
  const below = lowers.map((lower) => open(lower, O.O_RDONLY | O_ARCH.O_DIRECTORY));
  const upper = open(root, O.O_RDONLY | O_ARCH.O_DIRECTORY);
  try {
    for (const path of hasRoot ? implied : ["", ...implied]) {
      const where = findDirectory(below, path);
      if (where === "other") return false;
      if (where === "missing") continue;
      const flags = O.O_RDONLY | O_ARCH.O_DIRECTORY | O_ARCH.O_NOFOLLOW;
      const to = openInRoot(upper, path, flags, RESOLVE.RESOLVE_NO_SYMLINKS);
      if (to < 0) continue;
      const from = openInRoot(where, path, flags, RESOLVE.RESOLVE_NO_SYMLINKS);
      try {
        if (from < 0) throw fail("unpack", "openat2", path, from);
        copyAttributes(from, to, path);
      } finally {
        if (from >= 0) closeFd(from);
        closeFd(to);
      }
    }
    return true;
  } finally {
    for (const fd of [upper, ...below]) close(fd);
  }
}

function copyAttributes(from: number, to: number, path: string): void {
  const status = statusAt(from, "") as Status;
  sys(SYS.fchown, to, status.uid, status.gid);
  sys(SYS.fchmod, to, status.mode & 0o7777);
  setXattrs(to, getXattrs(from, path), path);
  setTimes(to, "", status.mtimeSec, status.mtimeNs);
}

/**
 * Whether a directory can be the lower layer of an overlay whose upper one is on the file system of
 * `scratch`. Tries it, in a mount that is nowhere.
 */
export function canOverlay(lower: string, scratch: string): boolean {
  const probe = `${parentOf(scratch)}/probe`;
  const upper = { upper: `${probe}/upper`, work: `${probe}/work` };
  ensureDirectory(upper.upper);
  ensureDirectory(upper.work);
  try {
    close(openMerged([lower], upper));
    return true;
  } catch {
    return false;
  } finally {
    const fd = open(parentOf(scratch), O.O_RDONLY | O_ARCH.O_DIRECTORY);
    deleteTreeAt(fd, "probe", { left: Infinity });
    close(fd);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
