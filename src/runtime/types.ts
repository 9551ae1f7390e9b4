/**
 * The OCI runtime's contract with the shim: a bundle becomes a process in three moves, `create` (a
 * process that waits before execve), `start` (lets it go), and, after it ended, `destroy` (cgroup).
 *
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";

/** A mount of the rootfs, performed inside the container's own mount namespace. */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  /** Absolute path inside the rootfs; absent means the root itself. Mounted in list order, root first. */
  readonly target?: string;
  /**
   * Words of mount(8). For `overlay`: one `lowerdir+=PATH` per lower layer (topmost first), then
   * `upperdir=PATH` and `workdir=PATH`; see `Mount` in src/snapshot/types.ts for how to mount them.
   */
  readonly options: readonly string[];
}

/** Descriptors that become 0, 1 and 2; owned by the caller, who closes them after create. */
export interface Stdio {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

export interface CreateOptions {
  readonly id: string;
  /** Directory with config.json; `spec` is its parsed content. */
  readonly bundle: string;
  readonly spec: OciSpec;
  /** Empty: `spec.root.path` is used as it is (bind-mounted on itself). */
  readonly rootfs: readonly RootfsMount[];
  /** Ignored when `spec.process.terminal`: then a pty is allocated inside the container. */
  readonly stdio: Stdio;
}

export interface ExecOptions {
  /** Host pid of the container's init. */
  readonly pid: number;
  readonly id: string;
  readonly spec: OciSpec;
  /** The `process` object of the added process. */
  readonly process: NonNullable<OciSpec["process"]>;
  readonly stdio: Stdio;
}

/** A process made by {@link CreateOptions} or {@link ExecOptions}. */
export interface RuntimeProcess {
  readonly pid: number;
  readonly pidfd: number;
  /** The pty master when `process.terminal`, owned by the caller. */
  readonly console: number | undefined;
  /**
   * Let it exec and wait until it did.
   * @throws {SyscallError} when a step or execve failed; `operation` is `start` (or `exec`), the
   * code `not_found` for a missing binary (exit 127), `permission_denied` for one that is not executable (126).
   */
  start(): Promise<void>;
}

/** What a cgroup reports, in bytes, nanoseconds and counts; absent where the controller is. */
export interface CgroupStats {
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly cpuNs?: number;
  readonly pids?: number;
  readonly oomKills?: number;
}

/** The functions that `src/runtime/mod.ts` exports. */
export interface Runtime {
  /** A process that has everything done but execve. Throws with nothing left behind. */
  create(options: CreateOptions): Promise<RuntimeProcess>;
  exec(options: ExecOptions): Promise<RuntimeProcess>;
  /** The syscall program that `create` would run, in strace notation; needs no privilege. */
  explain(options: Omit<CreateOptions, "stdio">): string;
  /** Kill what is left in the cgroup and remove it. Idempotent. */
  destroy(options: { id: string; spec: OciSpec }): Promise<void>;
  stats(options: { id: string; spec: OciSpec }): CgroupStats;
}
