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

/** One mount, in the words of mount(8) and of containerd's `types.Mount`. */
export interface Mount {
  /** `overlay`, `bind`, `erofs` … */
  readonly type: string;
  readonly source: string;
  /** Path inside the rootfs; absent means the root itself. */
  readonly target?: string;
  readonly options: readonly string[];
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

/** containerd's Snapshotter contract. All errors are CtrError with `not_found`, `already_exists`, `failed_precondition`. */
export interface Snapshotter {
  readonly name: string;
  prepare(
    key: string,
    parent: string | undefined,
    options?: { labels?: Readonly<Record<string, string>> },
  ): Promise<readonly Mount[]>;
  view(key: string, parent: string | undefined): Promise<readonly Mount[]>;
  /** Atomic: afterwards `name` exists and `key` does not, or nothing changed. */
  commit(name: string, key: string): Promise<void>;
  mounts(key: string): Promise<readonly Mount[]>;
  stat(name: string): Promise<SnapshotInfo>;
  usage(name: string): Promise<Usage>;
  walk(): AsyncIterable<SnapshotInfo>;
  /** Refuses a snapshot with children. The directories go in the background; a crash leaves them to `cleanup`. */
  remove(name: string): Promise<void>;
  /** Delete directories that no record points to (after crashes). */
  cleanup(): Promise<void>;
  close(): void;
}
