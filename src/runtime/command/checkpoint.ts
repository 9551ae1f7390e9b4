/**
 * The command line of a runtime's `checkpoint`.
 *
 * @module
 */

import type { CheckpointRequest } from "../low_level.ts";

/** What follows the command, up to the container. */
export function checkpointArguments(request: CheckpointRequest): string[] {
  const { path, workPath, emptyNamespaces = [], manageCgroups } = request;
  const flag = (name: string, given: boolean | undefined) => given ? [`--${name}`] : [];
  return [
    ...["--image-path", path],
    ...workPath === undefined ? [] : ["--work-path", workPath],
    ...flag("leave-running", request.leaveRunning),
    ...flag("tcp-established", request.tcpEstablished),
    ...flag("ext-unix-sk", request.externalUnixSockets),
    ...flag("shell-job", request.shellJob),
    ...flag("file-locks", request.fileLocks),
    ...manageCgroups === undefined ? [] : ["--manage-cgroups-mode", manageCgroups],
    ...emptyNamespaces.flatMap((name) => ["--empty-ns", name]),
  ];
}
