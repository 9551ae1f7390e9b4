/**
 * Brings back a container that was saved through CRIU.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import type { CtrError } from "../errors.ts";
import { PR } from "../linux/mod.ts";
import { exists, SYS, writeFile } from "../program/mod.ts";
import { cgroupPathOf } from "../runtime/mod.ts";
import { effectiveSpec, readBundle } from "./bundle.ts";
import { checkTerminal } from "./checkpoint.ts";
import { sendPidfd } from "./console_socket.ts";
import { type Criu, makeDirectories } from "./criu.ts";
import type { ReviveOptions } from "./criu_arguments.ts";
import { inheritedStreams } from "./criu_descriptors.ts";
import { deleteContainer } from "./delete.ts";
import { directoryOf, lockDirectory, makeDirectory, writeRecord } from "./directory.ts";
import { endContainer } from "./ending.ts";
import { writePidFile } from "./launch.ts";
import { newRecord } from "./record.ts";
import { revive } from "./restore_process.ts";
import { startTimeOf } from "./status.ts";
import type { CreateOptions } from "./types.ts";

/** What `restore` takes. */
export interface RestoreOptions extends CreateOptions, ReviveOptions {
  readonly criu: Criu;
  /** Be the parent of what comes back, if nobody nearer wants to: its caller waits for it. */
  readonly adopt: boolean;
}

/** A container that runs again. */
export interface Restored {
  readonly process: { readonly pid: number; readonly console: undefined };
  /** Remove what it leaves, once it has ended. */
  delete(): Promise<void>;
}

const operation = "restore";

/**
 * Restore it: with the bundle's root, mounts and limits, and this process's streams where the saved one
 * had pipes. A container of the same id that was saved and has stopped makes way. On failure nothing
 * stays.
 *
 * @throws {CtrError} `not_found` without images, `already_exists`, `not_implemented` for a process with a
 * terminal, `internal` when CRIU fails
 */
export async function restoreContainer(options: RestoreOptions): Promise<Restored> {
  const { id, bundle, systemd, warn } = options;
  const { spec, text } = options.config ?? readBundle(bundle);
  checkTerminal(spec.process?.terminal, { operation, id });
  const streams = inheritedStreams(options.imagePath);
  const whole = effectiveSpec(spec, id);
  // systemd's default is another.
  const cgroupsPath = systemd === undefined ? whole.linux!.cgroupsPath! : spec.linux?.cgroupsPath;
  const effective = { ...whole, linux: { ...whole.linux!, cgroupsPath: cgroupsPath ?? "" } };
  const path = systemd === undefined ? await cgroupPathOf({ id, spec: effective }) : `/${id}`;
  makeDirectories(options);
  if (exists(`${directoryOf(options)}/checkpointed`)) await deleteContainer(options, { warn });
  const directory = makeDirectory(options);
  using _lock = await lockDirectory(directory, operation);
  let record = newRecord(options, { spec, cgroupsPath: path });
  const remove = () => endContainer({ record, directory }, { spec, warn });
  let adopted = false;
  try {
    writeFile(`${directory}/config.json`, text);
    if (systemd !== undefined) writeFile(`${directory}/systemd.json`, JSON.stringify(systemd));
    if (options.adopt) sys(SYS.prctl, PR.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const pid = await revive(options, {
      directory,
      rootfs: record.rootfs,
      spec: effective,
      streams,
      placed(place) {
        adopted = true;
        record = { ...record, cgroupsPath: place.path };
        if (place.unit !== undefined) record = { ...record, unit: place };
      },
    });
    record = { ...record, pid, startTime: startTimeOf(pid) ?? "" };
    writeRecord(directory, record);
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, pid);
    writePidFile(options, pid);
    return { process: { pid, console: undefined }, delete: remove };
  } catch (error) {
    // A cgroup that was there already is another's, and so is what runs in it.
    const cgroups = adopted || (error as CtrError).code !== "already_exists";
    await endContainer({ record, directory }, { spec, warn, cgroups });
    throw error;
  }
}
