/**
 * The OCI runtime's contract with the shim: a bundle becomes a process in three moves, `create` (a
 * process that waits before execve), `start` (lets it go), and, after it ended, `destroy` (cgroup).
 *
 * @module
 */

import type { OciProcess, OciSpec } from "../oci/mod.ts";
import type { Keeper } from "../program/mod.ts";
import type { CgroupPath } from "./cgroup.ts";

/** A mount of the rootfs, performed inside the container's own mount namespace. */
export interface RootfsMount {
  readonly type: string;
  readonly source: string;
  /** Path inside the rootfs, made where it is missing; absent means the root itself. */
  readonly target?: string;
  readonly options: readonly string[];
  /** Of an overlay: layers that are mounted for it and nowhere else, topmost first. */
  readonly lowers?: readonly Pick<RootfsMount, "type" | "source" | "options">[];
}

/** Descriptors that become 0, 1 and 2; owned by the caller, who closes them after create. */
export interface Stdio {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

/** Which systemd is asked. */
export interface SystemdManager {
  /** A user's own, which may have been started with less rights; otherwise the system's. */
  readonly user: boolean;
  /** Path of its bus's socket; default `/run/dbus/system_bus_socket`. A user's has no default. */
  readonly socket?: string;
}

/** Where a container's processes are counted and limited. Plain data, to be kept as JSON. */
export interface CgroupPlace {
  readonly driver: "cgroupfs" | "systemd";
  /** Below the hierarchies: `/ctr/ID`, `/system.slice/docker-ID.scope`. */
  readonly path: CgroupPath;
  /** Its unit, `docker-ID.scope`, and whose that is; with systemd only. */
  readonly unit?: string;
  readonly manager?: SystemdManager;
}

/** What `create` needs. */
export interface CreateOptions {
  readonly id: string;
  /** Directory with config.json; `spec` is its parsed content. */
  readonly bundle: string;
  readonly spec: OciSpec;
  /** Empty: `spec.root.path` is used as it is (bind-mounted on itself). */
  readonly rootfs: readonly RootfsMount[];
  /** Ignored when `spec.process.terminal`: then a pty is allocated inside the container. */
  readonly stdio: Stdio;
  /** The container's parent shall not be this process but a keeper; see {@link keepable}. */
  readonly keeper?: Omit<Keeper, "wakeFd">;
  /**
   * Called while the process is busy with itself: what may take as long costs nothing here.
   *
   * @param pid the container's process, or its keeper
   */
  readonly meanwhile?: (pid: number) => void;
  /**
   * Where the process waits after `create`, instead of a pipe to its parent, which may then end: a FIFO
   * that is open for reading and writing. A byte in it is the start. What shall be executed is looked up
   * before, so that `create` fails when there is none. The caller closes it.
   */
  readonly gateFd?: number;
  /** A directory for compiled seccomp filters, which nobody else may write to; default: none is kept. */
  readonly filterCache?: string;
  /** Where resctrl is mounted, for `linux.intelRdt`; default: where this process sees it. */
  readonly resctrl?: string;
  /** Called with what the spec asks for in vain. */
  readonly warn?: (text: string) => void;
  /** How many descriptors from 3 on the process gets as they are here; default 0. */
  readonly preserveFds?: number;
  /** Leave the session keyring of the caller to the container. */
  readonly keepKeyring?: boolean;
  /** Move the root over the host's instead of pivot_root(2), for a host whose root is the kernel's first. */
  readonly noPivot?: boolean;
  /**
   * With version 1: make and enter a cgroup in every hierarchy of the host, and in that of version 2
   * beside them, for callers who look into `/proc/PID/cgroup`. Default: in those that are needed.
   */
  readonly everyHierarchy?: boolean;
  /** Who makes the cgroups; default `cgroupfs`, this runtime itself. */
  readonly cgroupManager?: CgroupPlace["driver"];
  /** Which systemd; default the system's, on its usual bus. */
  readonly systemd?: SystemdManager;
  /** Called when namespaces and mounts are made and the host's tree is still in the process's sight. */
  readonly beforePivot?: (pid: number) => Promise<void>;
}

/** A container's parent, which waits to be needed. */
export interface KeeperProcess {
  readonly pid: number;
  /** It becomes its program now, as it does when this process ends. */
  release(): void;
  /** Call when its program has shown that it runs: gives back memory. */
  released(): void;
  /**
   * The container has ended, or is about to: end the keeper. Blocks until then.
   *
   * @returns the container's exit code, 128+n for a signal
   */
  reap(): number;
}

/** What `exec` needs. */
export interface ExecOptions {
  /** Host pid of the container's init. */
  readonly pid: number;
  /** The container's id and bundle, as whoever decides about its system calls is told of them. */
  readonly id?: string;
  readonly bundle?: string;
  /** As in {@link CreateOptions}. */
  readonly resctrl?: string;
  readonly filterCache?: string;
  readonly spec: OciSpec;
  /** As in {@link CreateOptions}. */
  readonly preserveFds?: number;
  /** Where the container's cgroups are, if the spec's `cgroupsPath` does not say it. */
  readonly cgroup?: CgroupPlace | undefined;
  /** A cgroup below the container's, `[CONTROLLER,...:]PATH`: on version 1 of these only. */
  readonly subCgroup?: string;
  /** What is executed, where that is not the first of the arguments. */
  readonly executable?: string;
  /** The `process` object of the added process. */
  readonly process: OciProcess;
  readonly stdio: Stdio;
}

/** A process that waits before execve. */
export interface RuntimeProcess {
  /** On the host. The caller reaps it, or has its keeper do it. */
  readonly pid: number;
  /** The pty master when `process.terminal`, owned by the caller. */
  readonly console: number | undefined;
  /**
   * Let it exec, and return when it did.
   * @throws {SyscallError} `not_found` for a missing command (exit 127), `permission_denied` for one
   * that cannot be executed (126); the process is reaped then
   */
  start(): void;
  /** Give up before `start`: the process ends and is reaped. */
  abandon(): void;
  /**
   * Leave it alone, waiting at its gate or running. What it shares with this process stays: this is
   * for one that is about to end.
   */
  leave(): void;
  /** The process's parent, when `create` was asked for one. */
  readonly keeper: KeeperProcess | undefined;
}

/** A container's first process. */
export interface ContainerProcess extends RuntimeProcess {
  readonly cgroup: CgroupPlace;
}

/** What a cgroup reports, in bytes, nanoseconds and counts; absent where the controller is. */
export interface CgroupStats {
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly cpuNs?: number;
  readonly pids?: number;
  readonly oomKills?: number;
}

/** Watches a container's memory. */
export interface OomWatch {
  /** One for each time that memory ran out; ends with the container's cgroup, or with `close`. */
  readonly events: AsyncIterable<void>;
  close(): void;
}
