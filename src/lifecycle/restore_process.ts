/**
 * Has CRIU make the processes of a container again.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { SIGNALS } from "../linux/mod.ts";
import type { OciSpec } from "../oci/mod.ts";
import { call, close, kill, pipe, readText, unlink, waitFor } from "../program/mod.ts";
import {
  adoptIntoCgroups,
  cgroupPathOf,
  type CgroupPlace,
  cgroupPlacesAt,
  unitPlace,
} from "../runtime/mod.ts";
import { type CriuRun, finishCriu, waitingCriu } from "./criu.ts";
import { type Inherited, restoreArguments } from "./criu_arguments.ts";
import { namespacesToEnter } from "./criu_descriptors.ts";
import { externalMounts } from "./criu_mounts.ts";
import { makeRestoreRoot } from "./restore_root.ts";
import type { RestoreOptions } from "./restore.ts";

/**
 * Make the container's cgroups, and in them its processes: CRIU is born into the cgroups, so that what it
 * makes is nowhere else, whether it cares for cgroups or not.
 *
 * @param parts.placed called as soon as there are cgroups
 * @returns the id of the first process, whose parent is the nearest subreaper
 * @throws {CtrError} when one of both fails; the cgroups stay then
 */
export async function revive(
  options: RestoreOptions,
  { directory, rootfs, spec, streams, placed }: {
    readonly directory: string;
    readonly rootfs: string;
    readonly spec: OciSpec;
    readonly streams: readonly Inherited[];
    readonly placed: (place: CgroupPlace) => void;
  },
): Promise<number> {
  const { id, bundle, systemd, criu } = options;
  const cgroup = systemd === undefined
    ? await cgroupPathOf({ id, spec })
    : (await unitPlace({ id, spec, manager: systemd })).path;
  const { directories, hierarchy } = await cgroupPlacesAt(cgroup);
  const pidFile = `${directory}/criu.pid`;
  using root = makeRestoreRoot(directory, rootfs);
  const { opened, joined } = namespacesToEnter(spec);
  const [gate, go] = pipe();
  const before = [0, 1, 2, gate];
  const namespaces = opened.map(({ key }, at) => ({ name: key, fd: before.length + at }));
  const asked = (): CriuRun => ({
    operation: "restore",
    id,
    args: restoreArguments(options, {
      root: root.path,
      pidFile,
      cgroup,
      mounts: externalMounts(spec, { bundle, cgroups: directories, hierarchy }),
      inherited: [...streams, ...namespaces],
      joined,
    }),
    fds: [...before, ...opened.map(({ fd }) => fd)],
    log: `${options.workPath}/restore.log`,
  });
  try {
    const run = asked();
    const waiting = waitingCriu(criu, run);
    try {
      placed(await adoptIntoCgroups(waiting, { id, spec, systemd }));
      call("write", "gate", go, new Uint8Array([0x0a]), 1);
    } catch (error) {
      kill(waiting, SIGNALS.SIGKILL);
      waitFor(waiting, { block: true });
      throw error;
    }
    finishCriu(waiting, run);
    return pidIn(pidFile);
  } finally {
    for (const fd of [gate, go, ...opened.map(({ fd }) => fd)]) close(fd);
    unlink(pidFile);
  }
}

/** Where CRIU writes whom it has made. */
function pidIn(path: string): number {
  const text = readText(path).trim();
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  const reason = `it is no process id: ${JSON.stringify(text)}`;
  throw new CtrError({ code: "internal", operation: "read", subject: path, reason });
}
