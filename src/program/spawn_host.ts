/**
 * Starts a program of the host in about a millisecond, without `node:child_process`: used for shims
 * and for other OCI runtimes.
 *
 * @module
 */

import { close, waitFor } from "./calls.ts";
import { toError } from "./failure.ts";
import { placeDescriptors } from "./keeper.ts";
import { ProgramBuilder, strings } from "./program.ts";
import { restoreDumpable, spawn } from "./run.ts";

/** What to start. */
export interface HostProcess {
  /** `argv[0]` is the path of the executable unless that is given; PATH is not searched. */
  readonly argv: readonly string[];
  readonly executable?: string;
  readonly env: readonly string[];
  /** Descriptors of this process that become 0, 1, 2 … of the new one; all others are closed. */
  readonly fds: readonly number[];
  /** A session of its own: signals of the terminal do not reach it. */
  readonly newSession?: boolean;
  readonly cwd?: string;
  /** Appends what the child does first: joins or makes namespaces, mounts. */
  readonly before?: (p: ProgramBuilder) => void;
}

/**
 * Start it and return once it runs.
 *
 * @returns its process id; the caller reaps it
 * @throws {SyscallError} when the working directory or the executable cannot be used
 */
export function spawnHost(host: HostProcess): number {
  const p = new ProgramBuilder("spawn");
  if (host.newSession) p.step("setsid", []);
  host.before?.(p);
  if (host.cwd !== undefined) p.step("chdir", [host.cwd], { subject: host.cwd });
  placeDescriptors(p, host.fds);
  const CLOSE_RANGE_CLOEXEC = 4;
  p.step("close_range", [host.fds.length, 0xffffffff, CLOSE_RANGE_CLOEXEC]);
  const executable = host.executable ?? host.argv[0]!;
  p.step("execve", [executable, strings(host.argv), strings(host.env)], { subject: executable });
  const child = spawn(p, { vfork: true });
  close(child.pidfd);
  restoreDumpable();
  const failure = child.failure();
  child.free();
  if (failure !== undefined) {
    waitFor(child.pid, { block: true });
    throw toError(failure, { operation: failure.step.options.name ?? "execute" });
  }
  return child.pid;
}
