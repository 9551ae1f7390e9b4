/**
 * From a bundle to a process that stands before execve: what `create` and `run` have in common.
 *
 * @module
 */

import { type CtrError, isNotFound } from "../errors.ts";
import type { OciSpec } from "../oci/mod.ts";
import { close, replaceFile, writeFile } from "../program/mod.ts";
import { cgroupPathOf, type ContainerProcess, create, type Stdio } from "../runtime/mod.ts";
import { effectiveSpec, readBundle, rootfsOf } from "./bundle.ts";
import { sendDescriptor, sendPidfd } from "./console_socket.ts";
import { filterCacheOf, lockDirectory, makeDirectory, writeRecord } from "./directory.ts";
import { endContainer } from "./ending.ts";
import { bundlePasswd, withEnvironment } from "./environment.ts";
import { containerError } from "./errors.ts";
import { makeGate } from "./gate.ts";
import { hookState, newRecord } from "./record.ts";
import { startTimeOf } from "./status.ts";
import type { Container, ContainerRecord, CreateOptions, HandedOn } from "./types.ts";

/** The caller's own. */
export const OWN_STDIO: Stdio = { stdin: 0, stdout: 1, stderr: 2 };

/** A container whose process waits. */
export interface Launched extends Container {
  readonly process: ContainerProcess;
  readonly spec: OciSpec;
}

/**
 * Launch it. On failure nothing stays, and the hooks for that are run.
 *
 * @param options.gated it waits at a gate, for a `start` of another process
 */
export async function launch(
  options: CreateOptions & { readonly gated: boolean },
): Promise<Launched> {
  const { id, bundle } = options;
  const { spec, text } = options.config ?? readBundle(bundle);
  const directory = makeDirectory(options);
  using _lock = await lockDirectory(directory, "create");
  const effective = specFor(options, spec);
  const cgroupsPath = options.systemd === undefined
    ? await cgroupPathOf({ id, spec: effective })
    : `/${id}`;
  let record = newRecord(options, { spec, cgroupsPath });
  let process: ContainerProcess | undefined;
  try {
    // While the process sets itself up.
    const meanwhile = (pid: number) => {
      writeFile(`${directory}/config.json`, text);
      record = { ...record, pid, startTime: startTimeOf(pid) ?? "" };
      writeRecord(directory, record);
    };
    process = await launchProcess(options, { record, spec, effective, text, directory, meanwhile });
    const { pid, cgroup } = process;
    if (cgroup.unit !== undefined) {
      record = { ...record, cgroupsPath: cgroup.path, unit: cgroup };
      writeRecord(directory, record);
    }
    if (process.console !== undefined && options.consoleSocket !== undefined) {
      sendDescriptor(options.consoleSocket, process.console, "/dev/ptmx");
    }
    if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, pid);
    writePidFile(options, pid);
    return { record, directory, process, spec };
  } catch (error) {
    process?.abandon();
    // A cgroup that was there already is another's, and so is what runs in it.
    const cgroups = process !== undefined || (error as CtrError).code !== "already_exists";
    await endContainer({ record, directory }, { spec, warn: options.warn, cgroups });
    throw error;
  }
}

async function launchProcess(
  options: CreateOptions & { readonly gated: boolean },
  { record, spec, effective, text, directory, meanwhile }: {
    readonly record: ContainerRecord;
    readonly spec: OciSpec;
    readonly effective: OciSpec;
    readonly text: string;
    readonly directory: string;
    readonly meanwhile: (pid: number) => void;
  },
): Promise<ContainerProcess> {
  const { id, bundle, systemd } = options;
  if (systemd !== undefined) {
    // What is left if we are killed has to be looked for.
    writeFile(`${directory}/config.json`, text);
    writeFile(`${directory}/systemd.json`, JSON.stringify(systemd));
  }
  const gate = options.gated ? makeGate(directory) : undefined;
  const hooks = beforePivot(spec, { record, effective });
  try {
    return await create({
      id,
      bundle,
      spec: effective,
      rootfs: [],
      stdio: options.stdio ?? OWN_STDIO,
      ...gate === undefined ? {} : { gateFd: gate },
      preserveFds: options.preserveFds ?? 0,
      keepKeyring: options.keepKeyring === true,
      // Engines look for what they create in all of them. A limit that comes later joins its own.
      everyHierarchy: options.gated || options.stdio !== undefined,
      noPivot: options.noPivot === true,
      warn: options.warn,
      filterCache: filterCacheOf(options.root),
      ...systemd === undefined ? {} : { cgroupManager: "systemd", systemd },
      meanwhile,
      ...hooks === undefined ? {} : { beforePivot: hooks },
    });
  } finally {
    if (gate !== undefined) close(gate);
  }
}

function specFor({ id, bundle, listenFds, systemd }: CreateOptions, spec: OciSpec): OciSpec {
  const effective = withSockets(withHome(effectiveSpec(spec, id), bundle), listenFds);
  if (systemd === undefined) return effective;
  const cgroupsPath = spec.linux?.cgroupsPath ?? ""; // systemd's default is another
  return { ...effective, linux: { ...effective.linux!, cgroupsPath } };
}

function withHome(spec: OciSpec, bundle: string): OciSpec {
  const { process } = spec;
  if (process === undefined) return spec;
  const passwd = bundlePasswd(rootfsOf(bundle, spec), spec);
  return { ...spec, process: withEnvironment(process, passwd) };
}

/** @see https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html */
function withSockets(spec: OciSpec, count = 0): OciSpec {
  if (count === 0 || spec.process === undefined) return spec;
  const env = [...spec.process.env ?? [], `LISTEN_FDS=${count}`, "LISTEN_PID=1"];
  return { ...spec, process: { ...spec.process, env } };
}

function beforePivot(
  { hooks = {} }: OciSpec,
  { record, effective }: { readonly record: ContainerRecord; readonly effective: OciSpec },
): ((pid: number) => Promise<void>) | undefined {
  const { prestart = [], createRuntime = [], createContainer = [] } = hooks;
  if (prestart.length + createRuntime.length + createContainer.length === 0) return undefined;
  return async (pid) => {
    const { runHooks, runHooksInside } = await import("./hooks.ts");
    const state = hookState({ ...record, pid }, "creating");
    await runHooks("prestart", prestart, state);
    await runHooks("createRuntime", createRuntime, state);
    await runHooksInside("createContainer", createContainer, { state, spec: effective });
  };
}

/** Whoever finds the file finds all of it. */
export function writePidFile({ pidFile }: HandedOn, pid: number): void {
  if (pidFile === undefined) return;
  try {
    replaceFile(pidFile, String(pid), 0o644);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const reason = `there is no directory for the pid file ${pidFile}`;
    throw containerError("not_found", { operation: "create", id: String(pid), reason });
  }
}
