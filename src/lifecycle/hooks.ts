/**
 * Runs the hooks of a spec: programs that learn the container's state from their stdin.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md#posix-platform-hooks
 * @module
 */

import { CtrError } from "../errors.ts";
import type { OciHook, OciHooks, OciSpec } from "../oci/mod.ts";
import { call, close, kill, readAll, spawnHost, waitFor, writeAll } from "../program/mod.ts";
import { availableCapabilities, exec, type Stdio } from "../runtime/mod.ts";
import type { HookState } from "./types.ts";
import { waitForEnd } from "./waiting.ts";

/** A station of a container's life that hooks are run at. */
export type Station = keyof OciHooks;

/** What runs a hook with these streams and returns its process, our child. */
type Starter = (hook: OciHook, stdio: Stdio) => Promise<number>;

/** Run hooks on the host, one after the other. @throws {CtrError} when one fails; no more are run */
export async function runHooks(
  station: Station,
  hooks: readonly OciHook[] = [],
  state: HookState,
): Promise<void> {
  await runAll(station, hooks, state, ({ path, args, env }, stdio) => {
    const argv = args === undefined || args.length === 0 ? [path] : args;
    const fds = [stdio.stdin, stdio.stdout, stdio.stderr];
    return Promise.resolve(
      spawnHost({ argv, executable: path, env: env ?? [], fds, cwd: state.bundle }),
    );
  });
}

/**
 * Run hooks in the namespaces of the container's process.
 *
 * @param station `createContainer` finds its programs where the host has them, with the host's rights;
 * `startContainer` in the container, as its process
 */
export async function runHooksInside(
  station: "createContainer" | "startContainer",
  hooks: readonly OciHook[] = [],
  { state, spec }: { readonly state: HookState; readonly spec: OciSpec },
): Promise<void> {
  const all = availableCapabilities();
  const { linux = {} } = spec;
  const { namespaces = [], uidMappings, gidMappings, cgroupsPath } = linux;
  const capabilities = { bounding: all, permitted: all, effective: all };
  const inside = station === "startContainer";
  await runAll(station, hooks, state, async ({ path, args, env = [] }, stdio) => {
    const argv = args === undefined || args.length === 0 ? [path] : args;
    const process = await exec({
      pid: state.pid,
      spec: inside ? spec : {
        ociVersion: spec.ociVersion,
        process: { ...spec.process!, capabilities },
        linux: {
          namespaces,
          ...uidMappings === undefined ? {} : { uidMappings },
          ...gidMappings === undefined ? {} : { gidMappings },
          ...cgroupsPath === undefined ? {} : { cgroupsPath },
        },
      },
      process: {
        ...inside ? spec.process! : { user: { uid: 0, gid: 0 }, cwd: "/", capabilities },
        terminal: false,
        args: argv,
        env,
      },
      executable: path,
      stdio,
    });
    process.start();
    return process.pid;
  });
}

async function runAll(
  station: Station,
  hooks: readonly OciHook[],
  state: HookState,
  start: Starter,
): Promise<void> {
  const input = new TextEncoder().encode(JSON.stringify(state));
  for (const [index, hook] of hooks.entries()) {
    try {
      await runHook(hook, input, start);
    } catch (error) {
      throw new CtrError({
        code: "failed_precondition",
        operation: `run ${station} hook #${index}`,
        subject: hook.path,
        reason: (error as Error).message,
        cause: error,
      });
    }
  }
}

async function runHook(hook: OciHook, input: Uint8Array, start: Starter): Promise<void> {
  if (!hook.path?.startsWith("/")) throw new Error("its path is not absolute");
  if (hook.timeout !== undefined && hook.timeout <= 0) {
    throw new Error("its timeout is not positive");
  }
  const [stdin, output] = [memoryFile(), memoryFile()];
  try {
    writeAll(stdin, input, "hook");
    rewind(stdin);
    const pid = await start(hook, { stdin, stdout: output, stderr: output });
    if (!waitForEnd(pid, hook.timeout === undefined ? -1 : hook.timeout * 1000)) {
      kill(pid, 9);
      waitFor(pid, { block: true });
      throw new Error(`hook ran past specified timeout of ${hook.timeout!.toFixed(1)}s`);
    }
    const { exitCode } = waitFor(pid, { block: true })!;
    if (exitCode !== 0) throw new Error(`exit status ${exitCode}${said(output)}`);
  } finally {
    close(stdin);
    close(output);
  }
}

/** A pipe could be full, and then nobody would go on. */
function memoryFile(): number {
  const MFD_CLOEXEC = 1;
  return call("memfd_create", "hook", new TextEncoder().encode("hook\0"), MFD_CLOEXEC);
}

function rewind(fd: number): void {
  const SEEK_SET = 0;
  call("lseek", "hook", fd, 0, SEEK_SET);
}

function said(output: number): string {
  rewind(output);
  const text = new TextDecoder().decode(readAll(output, "hook")).trim();
  return text === "" ? "" : `: ${text}`;
}
