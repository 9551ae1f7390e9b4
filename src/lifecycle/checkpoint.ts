/**
 * Saves a container through CRIU.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { close, exists, open, readText } from "../program/mod.ts";
import { O } from "../linux/mod.ts";
import { cgroupPlacesAt, freezeAt } from "../runtime/mod.ts";
import { type Criu, makeDirectories, runCriu } from "./criu.ts";
import { dumpArguments, type DumpOptions } from "./criu_arguments.ts";
import { externalFiles, externalNamespaces, streamsOf, writeStreams } from "./criu_descriptors.ts";
import { externalMounts, presentMounts } from "./criu_mounts.ts";
import { directoryOf, findContainer, lockDirectory, readSpec } from "./directory.ts";
import { containerError, wrongStatus } from "./errors.ts";
import { statusOf } from "./status.ts";
import type { ContainerRef } from "./types.ts";
import { waitForEnd } from "./waiting.ts";

/** What `checkpoint` takes. */
export interface CheckpointOptions extends ContainerRef, DumpOptions {
  readonly criu: Criu;
}

const operation = "checkpoint";
const PATIENCE_MS = 10_000;

/**
 * Save it. Unless it is to run on, it has stopped then; it is still to be deleted, or a `restore` takes its
 * place.
 *
 * @throws {CtrError} `not_found`, `failed_precondition` for one that does not run, `not_implemented` for one
 * with a terminal, `internal` when CRIU fails; it runs on then
 */
export async function checkpointContainer(options: CheckpointOptions): Promise<void> {
  const { id, criu, imagePath, workPath, statusFd } = options;
  using _lock = await lockDirectory(directoryOf(options), operation);
  const container = findContainer(options, operation);
  const { record: { pid, rootfs, bundle, cgroupsPath }, directory } = container;
  const status = statusOf(container);
  if (status !== "running" && status !== "paused") {
    throw wrongStatus(operation, id, `container not running: ${status}`);
  }
  const spec = readSpec(directory);
  checkTerminal(spec.process?.terminal, { operation, id });
  makeDirectories(options);
  checkParent(options); // a path through what has just been made
  const { directories, hierarchy, freezer } = await cgroupPlacesAt(cgroupsPath);
  const mounts = externalMounts(spec, { bundle, cgroups: directories, hierarchy });
  const streams = streamsOf(pid);
  const args = dumpArguments(options, {
    pid,
    rootfs,
    freezer,
    mounts: presentMounts(mounts, readText(`/proc/${pid}/mountinfo`)),
    external: [...externalNamespaces(spec, pid), ...externalFiles(streams)],
    statusFd: statusFd === undefined ? undefined : 3,
  });
  const fds = [0, 1, 2, ...statusFd === undefined ? [] : [statusFd]];
  if (options.preDump !== true) writeStreams(imagePath, streams);
  runCriu(criu, { operation, id, args, fds, log: `${workPath}/dump.log` });
  if (options.leaveRunning || options.preDump) return;
  // What was killed while it was frozen ends when it goes on.
  if (status === "paused") await freezeAt(cgroupsPath, false);
  if (!waitForEnd(pid, PATIENCE_MS)) {
    throw wrongStatus(operation, id, `it was saved, but its process ${pid} does not end`);
  }
  close(open(`${directory}/checkpointed`, O.O_CREAT | O.O_WRONLY, 0o600));
}

/** It would have to be given a new one, which CRIU's command line cannot. @throws {CtrError} */
export function checkTerminal(
  terminal: boolean | undefined,
  { operation, id }: { readonly operation: string; readonly id: string },
): void {
  if (terminal !== true) return;
  const reason = "a process with a terminal cannot be saved and restored yet";
  throw containerError("not_implemented", { operation, id, reason });
}

/** CRIU itself would say nothing, and save all of the memory again. */
function checkParent({ imagePath, parentPath }: DumpOptions): void {
  if (parentPath === undefined) return;
  const wrong = (reason: string) =>
    new CtrError({
      code: "invalid_argument",
      operation: "use parent path",
      subject: parentPath,
      reason,
    });
  if (parentPath.startsWith("/")) throw wrong("it is not relative to the image path");
  if (!exists(`${imagePath}/${parentPath}`)) {
    throw wrong(`there is no such directory in ${imagePath}`);
  }
}
