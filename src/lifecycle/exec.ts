/**
 * Adds a process to a running container.
 *
 * @module
 */

import type { OciProcess } from "../oci/mod.ts";
import { exec, type RuntimeProcess } from "../runtime/mod.ts";
import { effectiveSpec } from "./bundle.ts";
import { sendDescriptor, sendPidfd } from "./console_socket.ts";
import { filterCacheOf, findContainer, readSpec } from "./directory.ts";
import { containerPasswd, withEnvironment } from "./environment.ts";
import { wrongStatus } from "./errors.ts";
import { OWN_STDIO, writePidFile } from "./launch.ts";
import { statusOf } from "./status.ts";
import type { ContainerRef, HandedOn } from "./types.ts";

/** What `exec` takes. */
export interface ExecOptions extends ContainerRef, HandedOn {
  /** From the container's own process, the one to add. */
  readonly process: (own: OciProcess | undefined) => OciProcess;
  /** A cgroup below the container's. */
  readonly subCgroup?: string | undefined;
  /** Join a container that is paused: the process runs once it goes on. */
  readonly ignorePaused?: boolean;
}

/**
 * Start a process in a container, with our stdin, stdout and stderr unless it is given others, or has a
 * terminal.
 *
 * @returns the process, a child of this one; its `console` is open unless it was sent away
 * @throws {CtrError} `not_found`, also for the command; `failed_precondition` when the container does
 * not run; what the runtime throws
 */
export async function execInContainer(options: ExecOptions): Promise<RuntimeProcess> {
  const { id } = options;
  const container = findContainer(options, "exec in");
  const status = statusOf(container);
  if (status === "stopped") {
    throw wrongStatus("exec in", id, "cannot exec in a stopped container: container not running");
  }
  if (status === "paused" && options.ignorePaused !== true) {
    const reason = "cannot exec in a paused container (use --ignore-paused to override)";
    throw wrongStatus("exec in", id, reason);
  }
  const spec = effectiveSpec(readSpec(container.directory), id);
  const process = await exec({
    pid: container.record.pid,
    id,
    bundle: container.record.bundle,
    filterCache: filterCacheOf(options.root),
    spec,
    process: withEnvironment(
      options.process(spec.process),
      containerPasswd(container.record.pid),
    ),
    stdio: options.stdio ?? OWN_STDIO,
    preserveFds: options.preserveFds ?? 0,
    cgroup: container.record.unit ?? {
      driver: "cgroupfs",
      path: container.record.cgroupsPath,
    },
    ...options.subCgroup === undefined ? {} : { subCgroup: options.subCgroup },
  });
  try {
    if (process.console !== undefined && options.consoleSocket !== undefined) {
      sendDescriptor(options.consoleSocket, process.console, "/dev/ptmx");
    }
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, process.pid);
    process.start();
  } catch (error) {
    process.abandon();
    throw error;
  }
  writePidFile(options, process.pid);
  return process;
}
