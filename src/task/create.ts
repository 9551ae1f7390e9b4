/**
 * Makes a container: record, snapshot, bundle. No process yet.
 *
 * @module
 */

import { CtrError, isNotFound } from "../errors.ts";
import { ensureDirectory, fileKind } from "../program/mod.ts";
import { span } from "../trace.ts";
import type { Mount } from "../snapshot/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { writeBundle } from "./bundle.ts";
import type { Engine } from "./engine.ts";
import { newId, newName } from "./names.ts";
import { dataDir } from "./place.ts";
import { containerConfig, hostConfig } from "./resolve.ts";
import type { ContainerOptions } from "./types.ts";

/** A container that was just made. */
export interface CreatedContainer {
  readonly record: ContainerRecord;
  readonly mounts: readonly Mount[];
}

/**
 * Make a container. When it fails, nothing of it is left.
 *
 * @throws {CtrError} `not_found` for an image or user that does not exist, `conflict` for a name
 * that is taken, `invalid_argument` for options that make no sense
 */
export async function createContainer(
  engine: Engine,
  options: ContainerOptions,
): Promise<CreatedContainer> {
  const { directories } = engine;
  const host = hostConfig(options);
  checkName(options.name);
  for (const mount of host.binds) checkMount(mount);
  const image = options.rootfs !== undefined
    ? undefined
    : await span("image", () =>
      engine.images.ensure(options.image, {
        pull: options.pull ?? "missing",
        platform: options.platform,
        onProgress: options.onProgress,
        signal: options.signal,
      }));
  if (options.rootfs !== undefined && fileKind(options.rootfs) !== "directory") {
    throw new CtrError({
      code: "not_found",
      operation: "use rootfs",
      subject: options.rootfs,
      reason: "there is no such directory",
    });
  }
  const id = newId();
  const record: ContainerRecord = {
    id,
    name: options.name ?? newName(),
    image: options.image,
    imageId: image?.id ?? "",
    platform: image?.platform ?? "",
    snapshotter: image === undefined ? "" : engine.snapshotter.name,
    snapshotKey: image === undefined ? "" : id,
    rootfs: options.rootfs ?? "",
    createdAt: Date.now(),
    config: containerConfig(options, image, id),
    hostConfig: host,
  };
  const directory = dataDir(directories, id);
  let mounts: readonly Mount[] = [];
  try {
    if (image !== undefined) {
      mounts = await span(
        "snapshot",
        () => engine.snapshotter.prepare(id, image.chainId, { volatile: host.autoRemove }),
      );
    }
    ensureDirectory(directory, 0o700);
    await span("bundle", () => writeBundle(directory, record, mounts, options.terminalSize));
    span("record", () => insert(engine, record, options.name === undefined));
  } catch (error) {
    await removeFiles(engine, record);
    throw error;
  }
  return { record, mounts };
}

/** A generated name that is taken is replaced; a chosen one is an error. */
function insert(engine: Engine, record: ContainerRecord, generated: boolean): void {
  for (let attempt = 0;; attempt++) {
    try {
      engine.state.containers.insert(
        attempt === 0 ? record : { ...record, name: `${newName()}${attempt}` },
      );
      return;
    } catch (error) {
      if (!generated || attempt === 5) throw error;
    }
  }
}

/** Give back what a container holds on disk, as far as it is there. */
export async function removeFiles(engine: Engine, record: ContainerRecord): Promise<void> {
  if (record.snapshotKey !== "") {
    try {
      await engine.snapshotter.remove(record.snapshotKey);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  const { removeDirectory } = await import("./remove_directory.ts");
  removeDirectory(dataDir(engine.directories, record.id));
  removeDirectory(`${engine.directories.exec}/${record.id}`);
}

function checkName(name: string | undefined): void {
  if (name === undefined || /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw new CtrError({
    code: "invalid_argument",
    operation: "create container",
    subject: name,
    reason: 'a name is letters, digits, "_", "." and "-", at least two, and begins with a ' +
      "letter or digit",
  });
}

function checkMount(mount: ContainerRecord["hostConfig"]["binds"][number]): void {
  const reason = !mount.destination.startsWith("/")
    ? "the mount path must be absolute"
    : mount.destination.split("/").every((part) => part === "")
    ? "the root cannot be mounted over"
    : mount.type === "bind" && !mount.source.startsWith("/")
    ? "the source path must be absolute"
    : mount.type === "bind" && fileKind(mount.source) === undefined
    ? `bind source path does not exist: ${mount.source}`
    : undefined;
  if (reason === undefined) return;
  throw new CtrError({
    code: "invalid_argument",
    operation: "mount",
    subject: mount.destination,
    reason,
  });
}
