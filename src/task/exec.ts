/**
 * Adds a process to a running container.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciProcess, OciSpec } from "../oci/mod.ts";
import { readText } from "../program/mod.ts";
import { availableCapabilities, resolveUser } from "../runtime/mod.ts";
import { attachTo } from "../shim/mod.ts";
import { withImageFiles } from "./bundle.ts";
import type { Engine } from "./engine.ts";
import { newId } from "./names.ts";
import { dataDir, execDir } from "./place.ts";
import { environment } from "./resolve.ts";
import { shimOf } from "./task_state.ts";
import type { ExecOptions } from "./types.ts";

/** How an added process ended; `detached` ones have no exit code. */
export interface ExecResult {
  readonly execId: string;
  readonly exitCode: number;
  readonly detached: boolean;
}

/**
 * Run a command in a container.
 *
 * @throws {CtrError} `failed_precondition` when the container does not run, `not_found` or
 * `permission_denied` when the command cannot be executed
 */
export async function execContainer(
  engine: Engine,
  reference: string,
  options: ExecOptions,
): Promise<ExecResult> {
  const record = engine.state.containers.resolve(reference, "exec");
  const { id } = record;
  if (options.command.length === 0) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "exec",
      subject: record.name,
      reason: "no command specified",
    });
  }
  const shim = await shimOf(engine, record, "exec");
  const execId = newId();
  let left!: () => void;
  const detached = new Promise<"detached">((resolve) => left = () => resolve("detached"));
  try {
    const spec = JSON.parse(
      readText(`${dataDir(engine.directories, id)}/config.json`),
    ) as OciSpec;
    const process = await processOf(engine, record, spec.process!, options);
    const value = new TextEncoder().encode(JSON.stringify(process));
    await shim.call("Exec", {
      id,
      execId,
      terminal: process.terminal === true,
      // Ours is no path: that there is one means that somebody will write.
      stdin: options.detach ? "" : "attached",
      spec: { typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process", value },
    });
    const target = { id, execId };
    const attachment = options.detach
      ? undefined
      : await attachTo(execDir(engine.directories, id), target, options.onOutput ?? (() => {}));
    const exit = shim.call("Wait", target);
    exit.catch(() => {});
    await shim.call("Start", target);
    if (attachment === undefined) return { execId, exitCode: 0, detached: true };
    options.onStarted?.({
      id: execId,
      writeStdin: (bytes) => attachment.write(bytes),
      endStdin: () => attachment.endStdin(),
      kill: async (signal) => void await shim.call("Kill", { ...target, signal }),
      resize: async (width, height) => {
        await shim.call("ResizePty", { ...target, width, height });
      },
      detach: left,
    });
    const result = await Promise.race([Promise.all([exit, attachment.ended]), detached]);
    if (result === "detached") {
      attachment.detach();
      return { execId, exitCode: 0, detached: true };
    }
    await shim.call("Delete", target).catch(() => {}); // the container may have ended as well
    return { execId, exitCode: result[0].exitStatus, detached: false };
  } finally {
    shim.close();
  }
}

async function processOf(
  engine: Engine,
  record: {
    readonly rootfs: string;
    readonly snapshotter: string;
    readonly snapshotKey: string;
  },
  init: OciProcess,
  options: ExecOptions,
): Promise<OciProcess> {
  let { user, capabilities } = init;
  if (options.user !== undefined) {
    const { user: name } = options;
    const mounts = record.snapshotKey === ""
      ? []
      : await (await engine.snapshotterOf(record)).mounts(record.snapshotKey, { mounted: true });
    const { uid, gid, additionalGids } = await withImageFiles(
      record,
      mounts,
      (read) => resolveUser(name, read),
    );
    user = { uid, gid, additionalGids };
    const bounding = capabilities?.bounding ?? [];
    const held = uid === 0 ? bounding : [];
    capabilities = { bounding, effective: held, permitted: held };
  }
  if (options.privileged) {
    const all = availableCapabilities();
    capabilities = { bounding: all, effective: all, permitted: all };
  }
  const cwd = options.workingDir ?? init.cwd;
  if (!cwd.startsWith("/")) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "exec",
      subject: cwd,
      reason: "the working directory must be an absolute path",
    });
  }
  const term = options.tty ? ["TERM=xterm"] : [];
  return {
    ...init,
    terminal: options.tty ?? false,
    ...options.terminalSize === undefined ? {} : { consoleSize: options.terminalSize },
    user,
    ...capabilities === undefined ? {} : { capabilities },
    args: options.command,
    env: environment([...term, ...init.env ?? [], ...options.env ?? []]),
    cwd,
  };
}
