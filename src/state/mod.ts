/**
 * The metadata store: images, containers, snapshots, in one SQLite file that any number of
 * processes use at once, and the directories everything lives in.
 *
 * @example
 * ```ts
 * const state = openState(directories({ env, uid: 0 }));
 * state.containers.insert(record);
 * state.containers.resolve("web").id;
 * state.transaction(() => { state.containers.remove(id); });
 * state.close();
 * ```
 *
 * @module
 */

export { directories, type DirectoriesOptions } from "./directories.ts";
export { type Lock, lock, type LockOptions } from "./lock.ts";
export { openState, type State } from "./open.ts";
export type { ContainerTable } from "./containers.ts";
export type { ImageTable } from "./images.ts";
export { isUniqueViolation } from "./database.ts";
export type { SnapshotRow, SnapshotTable } from "./snapshots.ts";
export type {
  ContainerConfig,
  ContainerRecord,
  Directories,
  HostConfig,
  ImageRecord,
  ImageVariant,
  MountPoint,
} from "./types.ts";
