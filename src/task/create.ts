/**
 * Makes a container: record, snapshot, bundle. No process yet.
 *
 * @module
 */

import { codeOf, CtrError, isNotFound } from "../errors.ts";
import { ensureDirectory, exists, fileKind, type ProgramBuilder } from "../program/mod.ts";
import { span } from "../trace.ts";
import type { OciSpec } from "../oci/mod.ts";
import type { Mount } from "../snapshot/mod.ts";
import type { ContainerRecord } from "../state/mod.ts";
import { writeBundle, writeConfig } from "./bundle.ts";
import { type ContainerLock, tryLock } from "./container_lock.ts";
import type { Engine } from "./engine.ts";
import { releaseNetwork } from "./network.ts";
import { newId, newName } from "./names.ts";
import { dataDir, execDir } from "./place.ts";
import { removeDirectory, removeSteps } from "./remove_directory.ts";
import { containerConfig, hostConfig } from "./resolve.ts";
import type { ContainerOptions } from "./types.ts";

/** A container whose files exist. Nobody sees it yet. */
export interface PreparedContainer {
  readonly record: ContainerRecord;
  readonly mounts: readonly Mount[];
  readonly spec: OciSpec;
  /** Until it is started, nobody else may start, remove or sweep it. */
  readonly lock: ContainerLock;
}

/** What is asked for, and whether this process starts it. */
type Making = ContainerOptions & { readonly startsAtOnce?: boolean };

/**
 * Make a container, not started. When it fails, nothing of it is left.
 *
 * @throws {CtrError} `not_found` for an image or user that does not exist, `conflict` for a name
 * that is taken, `invalid_argument` for options that make no sense
 */
export async function createContainer(
  engine: Engine,
  options: ContainerOptions,
): Promise<Pick<PreparedContainer, "record" | "mounts">> {
  const { record, mounts, lock } = await makeContainer(engine, { ...options, startsAtOnce: false });
  lock.release();
  return { record, mounts };
}

/** Make a container, and hold it. */
export async function makeContainer(
  engine: Engine,
  options: Making,
): Promise<PreparedContainer> {
  const prepared = await prepareContainer(engine, options);
  try {
    return { ...prepared, record: recordContainer(engine, prepared, options) };
  } catch (error) {
    await removeFiles(engine, prepared.record);
    prepared.lock.release();
    throw error;
  }
}

/**
 * Make the files of a container, and hold it.
 *
 * The directory is made first and the record last: a directory without record and holder is what a
 * killed process left, see `sweep.ts`.
 */
export async function prepareContainer(
  engine: Engine,
  options: Making,
  attempts = 3,
): Promise<PreparedContainer> {
  const { directories } = engine;
  const asked = hostConfig(options);
  const host = {
    ...asked,
    ...asked.networkMode.startsWith("container:") ? await joining(engine, asked) : {},
    ...await runtimeOf(engine, options),
    ...options.restart === undefined
      ? {}
      : (await import("./restart_policy.ts")).restartPolicyOf(options.restart, asked),
    ...options.logDriver === undefined && options.logOptions === undefined
      ? {}
      : (await import("./log_config.ts")).logConfigOf(options),
  };
  if (options.name !== undefined) checkName(options.name, "create container");
  if (host.binds.length > 0) (await import("./check_mounts.ts")).checkMounts(host.binds);
  const { images, snapshotter } = await engine.by(options.snapshotter);
  const image = options.rootfs !== undefined
    ? undefined
    : await span("image", () =>
      images.ensure(options.image, {
        pull: options.pull ?? "missing",
        verify: options.verify,
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
    snapshotter: image === undefined ? "" : snapshotter.name,
    snapshotKey: image === undefined ? "" : id,
    rootfs: options.rootfs ?? "",
    createdAt: Date.now(),
    config: containerConfig(options, image, id),
    hostConfig: host,
    ...options.startsAtOnce === false ? {} : { startsAtOnce: true },
  };
  const directory = dataDir(directories, id);
  let mounts: readonly Mount[] = [];
  let imageIsGone = false;
  const lock = claim(directory);
  try {
    if (image !== undefined) {
      mounts = await span(
        "snapshot",
        () => snapshotter.prepare(id, image.chainId, { volatile: host.autoRemove }),
      ).catch((error) => {
        imageIsGone = isNotFound(error);
        throw error;
      });
    }
    const spec = await span(
      "bundle",
      () => writeBundle(directory, record, mounts, options.terminalSize),
    );
    return { record, mounts, spec, lock };
  } catch (error) {
    await removeFiles(engine, record);
    lock.release();
    // Somebody removed it in the moment since it was found: it is to be pulled, or is missed.
    if (imageIsGone && attempts > 1) return await prepareContainer(engine, options, attempts - 1);
    throw error;
  }
}

/**
 * Complete a container: from now on everybody sees it.
 *
 * @returns its record, with another name should a generated one be taken
 * @throws {CtrError} `conflict` for a chosen name that is taken
 */
export function recordContainer(
  engine: Engine,
  { record, spec }: PreparedContainer,
  { name }: Pick<ContainerOptions, "name">,
): ContainerRecord {
  writeConfig(dataDir(engine.directories, record.id), spec);
  return span("record", () => insert(engine, record, name === undefined));
}

async function joining(
  engine: Engine,
  asked: ContainerRecord["hostConfig"],
): Promise<Pick<ContainerRecord["hostConfig"], "networkMode">> {
  return (await import("./container_network.ts")).joinedNetwork(engine, asked);
}

/** Which runtime it has, should it not be the built-in one. */
async function runtimeOf(
  engine: Engine,
  { runtime }: ContainerOptions,
): Promise<Pick<ContainerRecord["hostConfig"], "runtime">> {
  if (runtime === undefined) return {};
  const found = (await import("./find_runtime.ts")).findRuntime(runtime, engine.env);
  return found === undefined ? {} : { runtime: found };
}

/** Make the directory and lock it, although a sweep may find it in between and take it away. */
function claim(directory: string): ContainerLock {
  while (true) {
    ensureDirectory(directory, 0o700);
    try {
      const lock = tryLock(directory);
      if (lock !== undefined && exists(directory)) return lock;
      lock?.release();
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** A generated name that is taken is replaced; a chosen one is an error. */
function insert(engine: Engine, record: ContainerRecord, generated: boolean): ContainerRecord {
  for (let attempt = 0;; attempt++) {
    const named = attempt === 0 ? record : { ...record, name: `${newName()}${attempt}` };
    try {
      engine.state.containers.insert(named);
      return named;
    } catch (error) {
      if (!generated || attempt === 5 || codeOf(error) !== "conflict") throw error;
    }
  }
}

/**
 * Forget a container that has no process, and give back what it holds on disk.
 *
 * @param behind gets the steps that can be done later: should they not be, `sweep.ts` finds what is left
 */
export async function removeRecord(
  engine: Engine,
  record: ContainerRecord,
  behind?: ProgramBuilder,
): Promise<void> {
  engine.state.containers.remove(record.id);
  await removeFiles(engine, record, behind);
}

/** Give back what a container holds on disk, as far as it is there. */
export async function removeFiles(
  engine: Engine,
  record: Pick<ContainerRecord, "id" | "snapshotter" | "snapshotKey"> & {
    readonly hostConfig?: ContainerRecord["hostConfig"];
  },
  behind?: ProgramBuilder,
): Promise<void> {
  await releaseNetwork(engine, record);
  if (record.snapshotKey !== "") {
    try {
      const snapshotter = await engine.snapshotterOf(record);
      await snapshotter.remove(record.snapshotKey, behind === undefined ? {} : { behind });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  const { directories } = engine;
  for (const path of [dataDir(directories, record.id), execDir(directories, record.id)]) {
    if (behind === undefined) removeDirectory(path);
    else removeSteps(behind, path);
  }
}

/** @throws {CtrError} `invalid_argument` for what is no container's name */
export function checkName(name: string, operation: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw new CtrError({
    code: "invalid_argument",
    operation,
    subject: name,
    reason: 'a name is letters, digits, "_", "." and "-", at least two, and begins with a ' +
      "letter or digit",
  });
}
