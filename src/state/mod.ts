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
export type { Lock, LockOptions } from "./lock.ts";
export type { Held, HeldKind, Lease, LeaseRow, LeaseTable } from "./leases.ts";
export { openState, type State } from "./open.ts";
export { ensureSpreadDirectory } from "./spread.ts";
export type { NetworkTable } from "./networks.ts";
export type { ContainerTable } from "./containers.ts";
export type { FoundImage, ImageTable } from "./images.ts";
export { isForeignKeyViolation, isUniqueViolation } from "./database.ts";
export type { SnapshotRow, SnapshotTable } from "./snapshots.ts";
export type {
  ContainerConfig,
  ContainerRecord,
  ContainerRuntime,
  Directories,
  EndpointRecord,
  HostConfig,
  ImageRecord,
  ImageVariant,
  LogConfig,
  MountPoint,
  NetworkAttachment,
  NetworkRecord,
  NetworkSubnet,
  PortBinding,
  PortRecord,
  RestartPolicy,
} from "./types.ts";

/** Take a lock between processes by name; see {@link import("./lock.ts")}. */
export async function lock(
  ...args: Parameters<typeof import("./lock.ts").lock>
): Promise<import("./lock.ts").Lock> {
  return await (await import("./lock.ts")).lock(...args);
}

/** Remove the files of locks that nobody holds. @returns their number. */
export async function removeLocks(dirs: import("./types.ts").Directories): Promise<number> {
  return (await import("./lock.ts")).removeLocks(dirs);
}

/** The networks of a store. */
export async function networksOf(
  { database }: Pick<import("./open.ts").State, "database">,
): Promise<import("./networks.ts").NetworkTable> {
  return (await import("./networks.ts")).networkTable(database);
}
