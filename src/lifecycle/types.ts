/**
 * The life of a container as the OCI runtime specification has it, over processes that come and go:
 * every command is a process of its own, and what it must know of the last one is in a directory.
 *
 * A container is *creating* while `create` works, *created* while its process waits at a gate,
 * *running* from `start` on, *paused* while it is frozen, and *stopped* once its process has ended,
 * until `delete` removes what is left of it.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#lifecycle
 * @module
 */

import type { OciSpec } from "../oci/mod.ts";
import type { CgroupPath, CgroupPlace, Stdio, SystemdManager } from "../runtime/mod.ts";

/** Where a container is in its life. */
export type ContainerStatus = "creating" | "created" | "running" | "paused" | "stopped";

/** What `create` writes down for those that come later. */
export interface ContainerRecord {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** Absolute. */
  readonly rootfs: string;
  readonly ociVersion: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of the container's first process, on the host. */
  readonly pid: number;
  /** When that process started, in clock ticks since boot: ids of processes are used again. */
  readonly startTime: string;
  /** As RFC 3339 has it. */
  readonly created: string;
  /** The user who created it. */
  readonly uid: number;
  /** Below the cgroup hierarchies: in all the same, or by their places. */
  readonly cgroupsPath: CgroupPath;
  /** Its unit of systemd, if it has one: later commands are not told that again. */
  readonly unit?: CgroupPlace;
}

/** A container and where it is kept. */
export interface Container {
  readonly record: ContainerRecord;
  /** Its directory below the root. */
  readonly directory: string;
}

/** What the specification calls the state of a container, with what runc adds. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 once it is stopped. */
  readonly pid: number;
  readonly status: ContainerStatus;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The name of the user who created it; empty if it has none. */
  readonly owner: string;
}

/** What a hook is told of its container: what the specification calls the state, and no more. */
export type HookState = Omit<ContainerState, "rootfs" | "created" | "owner">;

/** Which container, among those kept below a directory. */
export interface ContainerRef {
  /** Absolute: `/run/ctr-oci`. */
  readonly root: string;
  readonly id: string;
}

/** Descriptors of the caller that become the container's. */
export interface HandedOn {
  /** Its stdin, stdout and stderr, unless it has a terminal; default: the caller's own. */
  readonly stdio?: Stdio;
  /** Where the pty's master is sent to: a unix socket. For a process with a terminal. */
  readonly consoleSocket?: string | undefined;
  /** Where a descriptor of the process is sent to: a unix socket. */
  readonly pidfdSocket?: string | undefined;
  /** A file that gets the process's id. */
  readonly pidFile?: string | undefined;
  /** How many descriptors after 0, 1 and 2 the process gets. */
  readonly preserveFds?: number;
}

/** What `create` takes. */
export interface CreateOptions extends ContainerRef, HandedOn {
  /** Absolute. */
  readonly bundle: string;
  /** What {@link readBundle} gives; read anew when it is missing. */
  readonly config?: BundleConfig;
  /** How many of the preserved descriptors are sockets of systemd's socket activation. */
  readonly listenFds?: number;
  /** Do without pivot_root(2), which a root on a ramdisk forbids. */
  readonly noPivot?: boolean;
  /** Let this systemd make the cgroups. */
  readonly systemd?: SystemdManager | undefined;
  /** Leave the caller's session keyring to the container. */
  readonly keepKeyring?: boolean;
  /** Where warnings go; a hook that fails where failing is allowed, say. */
  readonly warn: (message: string) => void;
}

/** A bundle, read. */
export interface BundleConfig {
  readonly spec: OciSpec;
  /** `config.json` as it is. */
  readonly text: string;
}
