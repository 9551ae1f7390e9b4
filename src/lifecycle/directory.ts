/**
 * Where a container is kept between the commands that are about it:
 *
 * ```
 * ROOT/ID/           locked by who changes the container
 *   state.json       the record, once there is a process
 *   config.json      as the bundle had it when the container was created
 *   systemd.json     which systemd has its unit, if it has one
 *   gate             a FIFO at which a created container's process waits
 *   started          made by the one `start` that started it
 *   start.sh         what the launcher can do without a JavaScript runtime, see scripts.ts
 *   delete.sh
 *   checkpointed     made when it was saved and ended: a `restore` may take its place
 *   criu.pid, criu-root  while it is restored
 * ```
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError, isNotFound } from "../errors.ts";
import { ERRNO, O } from "../linux/mod.ts";
import { type OciSpec, parseSpec } from "../oci/mod.ts";
import {
  close,
  ensureDirectory,
  mkdir,
  open,
  readText,
  readTextIfExists,
  replaceFile,
  SYS,
} from "../program/mod.ts";
import type { SystemdManager } from "../runtime/mod.ts";
import { containerError, noContainer } from "./errors.ts";
import type { Container, ContainerRecord, ContainerRef } from "./types.ts";

/**
 * The directory of a container, which need not exist.
 *
 * @throws {CtrError} `invalid_argument` for an id that could leave the root or name nothing
 */
export function directoryOf({ root, id }: ContainerRef): string {
  if (/^[\w+.-]{1,255}$/.test(id) && id !== "." && id !== "..") return `${root}/${id}`;
  throw new CtrError({
    code: "invalid_argument",
    operation: "use container id",
    subject: id,
    reason: "invalid container ID format",
    hint: "it has 1 to 255 letters, digits and _ + - .",
  });
}

/** Make the directory of a new container. @throws {CtrError} `already_exists` */
export function makeDirectory(ref: ContainerRef): string {
  const directory = directoryOf(ref);
  ensureDirectory(ref.root, 0o700);
  try {
    mkdir(directory, 0o711);
  } catch (error) {
    if ((error as { errnoName?: string }).errnoName !== "EEXIST") throw error;
    const reason = "container with given ID already exists";
    throw containerError("already_exists", { operation: "create", id: ref.id, reason });
  }
  return directory;
}

/** Held until disposed of, or until this process ends. */
export interface DirectoryLock extends Disposable {
  release(): void;
}

/**
 * Keep others from changing a container. Nobody waits for a command that only looks.
 *
 * @throws {CtrError} `not_found` when there is no such directory
 */
export async function lockDirectory(
  directory: string,
  operation: string,
): Promise<DirectoryLock> {
  const fd = openDirectory(directory, operation);
  const [LOCK_EX, LOCK_NB] = [2, 4];
  // A lock that blocks would stop the event loop, which whoever has it may need: it may be us.
  for (let pauseMs = 1;; pauseMs = Math.min(pauseMs * 2, 20)) {
    const result = sys(SYS.flock, fd, LOCK_EX | LOCK_NB);
    if (result === 0) break;
    if (result !== -ERRNO.EAGAIN && result !== -ERRNO.EINTR) {
      close(fd);
      throw new CtrError({
        code: "internal",
        operation: "lock",
        subject: directory,
        reason: `flock returned ${result}`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  let held = true;
  const release = () => {
    if (held) close(fd);
    held = false;
  };
  return { release, [Symbol.dispose]: release };
}

function openDirectory(directory: string, operation: string): number {
  try {
    return open(directory, O.O_RDONLY);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw noContainer(operation, directory.slice(directory.lastIndexOf("/") + 1));
  }
}

/** What `create` wrote down; undefined when it has not come so far. */
export function readRecord(directory: string): ContainerRecord | undefined {
  try {
    return JSON.parse(readText(`${directory}/state.json`)) as ContainerRecord;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Write it down. */
export function writeRecord(directory: string, record: ContainerRecord): void {
  replaceFile(`${directory}/state.json`, JSON.stringify(record));
}

/**
 * A container that has been created.
 *
 * @param operation what for: for the error message
 * @throws {CtrError} `not_found`
 */
export function findContainer(ref: ContainerRef, operation: string): Container {
  const directory = directoryOf(ref);
  const record = readRecord(directory);
  if (record === undefined) throw noContainer(operation, ref.id);
  return { record, directory };
}

/** Which systemd was to make its unit; undefined for a container without. */
export function readManager(directory: string): SystemdManager | undefined {
  const text = readTextIfExists(`${directory}/systemd.json`);
  return text === undefined ? undefined : JSON.parse(text) as SystemdManager;
}

/** Where compiled seccomp filters are kept: no container can have this name. */
export function filterCacheOf(root: string): string {
  return `${root}/seccomp:filters`;
}

/** The spec that a container was created with, whatever the bundle has now. */
export function readSpec(directory: string): OciSpec {
  return parseSpec(readText(`${directory}/config.json`));
}
