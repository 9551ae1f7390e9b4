/**
 * The contract of a snapshotter, after containerd's: a snapshot is *committed* (has a `name`, is
 * immutable, may be a parent) or *active* (has a `key`, is writable) or a *view* (key, read-only).
 *
 * Life cycle: `prepare(key, parent)` → write through the returned mounts → `commit(name, key)`, or
 * `remove(key)`. A chain of committed snapshots named by chain ID is an unpacked image.
 * Nothing here mounts anything: mounts are descriptions that a runtime performs in its own namespace.
 *
 * @module
 */

import type { ProgramBuilder } from "../program/mod.ts";

/**
 * One mount, in the words of mount(8) and of containerd's `types.Mount`. A list is mounted in order.
 *
 * `overlay`: every lower layer is an option of its own, `lowerdir+=PATH`, topmost first, then
 * `upperdir=PATH` and `workdir=PATH` unless it is read-only, and perhaps `volatile`. Paths are
 * absolute, are not escaped, and may contain `,` and `:`. Two ways to mount it:
 *  - `fsopen("overlay")`, one `fsconfig(FSCONFIG_SET_STRING, key, value)` per option, `fsmount`
 *    (kernel 6.8 and newer; up to 500 lowers);
 *  - `mount(2)` with the lowers joined by `:` as `lowerdir=`, escaping `\`, `:` and `,` by a
 *    backslash; the option page overflows at about 100 absolute paths, so with more of them change
 *    to their common directory first and pass what is below it.
 * `lowers` of an overlay, one at most, is a mount itself: it is made first, in the place where the
 * overlay goes, and that place is `lowerdir+`, below those that the options name.
 * `erofs`: `source` is a file, and an option `device=PATH` follows for each of its devices, in order.
 * mount(8) would make loop devices of them; mount(2) and fsopen take files.
 * `bind`: `source` is a directory; options are `rbind` and `ro` or `rw`.
 */
export interface Mount {
  /** `overlay`, `bind`, `erofs` … */
  readonly type: string;
  readonly source: string;
  /** Path inside the rootfs; absent means the root itself. */
  readonly target?: string;
  readonly options: readonly string[];
  /** A layer that is to be mounted for this one. */
  readonly lowers?: readonly LowerMount[];
}

/** A layer that is a mount itself. */
export interface LowerMount extends Pick<Mount, "type" | "source" | "options"> {
  /** A directory with copies of its `etc/passwd` and `etc/group`, so far as they are there. */
  readonly files?: string;
}

export type SnapshotKind = "committed" | "active" | "view";

/** What is stored of a snapshot. */
export interface SnapshotInfo {
  readonly kind: SnapshotKind;
  /** Name of a committed snapshot, key of the others. */
  readonly name: string;
  readonly parent: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/** Disk usage of one snapshot without its parents. */
export interface Usage {
  readonly bytes: number;
  readonly inodes: number;
}

/** How to {@link Snapshotter.prepare}. */
export interface PrepareOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Its content need not survive a crash of the machine (`--rm`): no sync when it is unmounted,
   * which saves 50 ms and more under write load.
   */
  readonly volatile?: boolean;
}

/** How to {@link Snapshotter.commit}. */
export interface CommitOptions {
  /**
   * Put it on this parent, instead of the one it was prepared with. Only where
   * {@link Snapshotter.rebase}: layers are then unpacked at the same time and stacked afterwards.
   */
  readonly parent?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  /** As the unpacking counted it; measured when absent. */
  readonly usage?: Usage;
  /** Digest of the layer's tar, where it is one and somebody has found that out. */
  readonly diffId?: string;
}

/** How to {@link Snapshotter.remove}. */
export interface RemoveOptions {
  /**
   * Where the container wrote nothing, its directory is not deleted but the steps that do it are
   * appended: whoever passes this runs them.
   */
  readonly behind?: ProgramBuilder;
  /** {@link DeleteLater}; else what takes long is deleted in the background of this process. */
  readonly later?: DeleteLater | undefined;
}

/**
 * Told the directories that nothing refers to any more and that take long to delete, by whoever knows a
 * better way than to wait for it. What is never deleted a later `cleanup` finds.
 */
export type DeleteLater = (path: string) => void;

/** Where a layer is unpacked to. */
export interface ApplyTarget {
  /** A directory that receives the files. */
  readonly root: string;
  /** `overlay`: whiteouts become overlayfs's own. `delete`: they delete what is there. */
  readonly whiteouts: "overlay" | "delete";
  /** The layer is not unpacked. */
  readonly keep?: KeepTarget;
}

/** Where the tar of a layer goes, and the list of its members. */
export interface KeepTarget {
  readonly directory: string;
  /** The tar, where it is in the content store already. */
  readonly stored?: string;
}

/** containerd's Snapshotter contract. All errors are CtrError with `not_found`, `already_exists`, `failed_precondition`. */
export interface Snapshotter {
  readonly name: string;
  /** True when {@link CommitOptions.parent} is possible. */
  readonly rebase: boolean;
  prepare(
    key: string,
    parent: string | undefined,
    options?: PrepareOptions,
  ): Promise<readonly Mount[]>;
  view(key: string, parent: string | undefined): Promise<readonly Mount[]>;
  /** Atomic: afterwards `name` exists and `key` does not, or nothing changed. */
  commit(name: string, key: string, options?: CommitOptions): Promise<void>;
  /**
   * Do what the first `prepare` on a committed snapshot would have to do. Fails for layers that do not
   * fit together.
   */
  ready?(name: string): Promise<void>;
  /** To be mounted again, after it is no longer; or, with `mounted`, only to know what is mounted. */
  mounts(key: string, options?: { readonly mounted?: boolean }): Promise<readonly Mount[]>;
  /**
   * Where to unpack a layer into an active snapshot, without any mount.
   *
   * @param options.diffId digest of its tar, which some snapshotters have already.
   */
  applyTarget(key: string, options?: { readonly diffId?: string }): Promise<ApplyTarget>;
  /** The directories of a committed snapshot and its ancestors, topmost first; each a layer. */
  layers(name: string): Promise<readonly string[]>;
  stat(name: string): Promise<SnapshotInfo>;
  usage(name: string): Promise<Usage>;
  walk(): AsyncIterable<SnapshotInfo>;
  /** Refuses a snapshot with children. The directories go in the background; a crash leaves them to `cleanup`. */
  remove(name: string, options?: RemoveOptions): Promise<void>;
  /** Delete directories that no record points to (after crashes). */
  cleanup(later?: DeleteLater): Promise<void>;
  /** Digests of the blobs of the content store that its snapshots are made of, or one of them. */
  blobs?(name?: string): readonly string[];
  /** Resolves when the deletions that `remove` put in the background are done. */
  settled(): Promise<void>;
  close(): void;
}
