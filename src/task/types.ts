/**
 * What the engine takes and gives.
 *
 * @module
 */

import type { EnsureOptions, ImageProgress, PullPolicy } from "../image/mod.ts";
import type { HostConfig, MountPoint, PortBinding } from "../state/mod.ts";

/** How a container is made; every field but `image` (or `rootfs`) has Docker's default. */
export interface ContainerOptions {
  /** A reference; with `rootfs` only a label. */
  readonly image: string;
  /** Use this directory as the root file system instead of an image. */
  readonly rootfs?: string;
  readonly name?: string;
  /** Overrides the image's command. */
  readonly command?: readonly string[];
  /** Overrides the image's entrypoint and clears its command; `[""]` removes it. */
  readonly entrypoint?: readonly string[];
  /** `NAME=value`. */
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly openStdin?: boolean;
  readonly autoRemove?: boolean;
  readonly mounts?: readonly MountPoint[];
  readonly readonlyRootfs?: boolean;
  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly securityOpt?: readonly string[];
  readonly memoryBytes?: number;
  readonly nanoCpus?: number;
  readonly pidsLimit?: number;
  readonly ulimits?: HostConfig["ulimits"];
  readonly init?: boolean;
  /** `none` (the default), `host`, `container:NAME`; else `networks` says which. */
  readonly network?: string;
  /** The networks to connect it to. */
  readonly networks?: HostConfig["networks"];
  readonly ports?: readonly PortBinding[];
  /** Publish all that the image exposes, and `exposed`. */
  readonly publishAll?: boolean;
  /** `80/tcp`. */
  readonly exposed?: readonly string[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly extraHosts?: readonly string[];
  readonly stopSignal?: string;
  readonly stopTimeoutSec?: number;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly shmBytes?: number;
  /** Another OCI runtime than the built-in one: a name in PATH, or an absolute path. */
  readonly runtime?: string;
  /** `no`, `on-failure[:RETRIES]`, `always`, `unless-stopped` */
  readonly restart?: string;
  /** A log driver, or a URI as containerd has them; default `json-file`. */
  readonly logDriver?: string;
  readonly logOptions?: Readonly<Record<string, string>>;
  readonly platform?: string;
  /** Where its files come from: `erofs` (the default where the kernel can), `overlayfs`, `native`. */
  readonly snapshotter?: string;
  readonly pull?: PullPolicy;
  /** Told what the image's name points to; throws to refuse it. */
  readonly verify?: NonNullable<EnsureOptions["verify"]>;
  readonly onProgress?: (progress: ImageProgress) => void;
  readonly terminalSize?: { readonly width: number; readonly height: number };
  readonly signal?: AbortSignal;
}

/** How a container is run in the foreground. */
export interface RunOptions extends ContainerOptions {
  /** Called with each piece of output; 1 is stdout, 2 stderr. Absent: nothing is attached. */
  readonly onOutput?: (stream: number, bytes: Uint8Array) => void;
  /** Called once the container runs. */
  readonly onStarted?: (running: RunningContainer) => void;
  readonly trace?: boolean;
}

/** A container in the foreground. */
export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  writeStdin(bytes: Uint8Array): Promise<void> | undefined;
  endStdin(): void;
  kill(signal: number): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  /** Stop listening; the container goes on. */
  detach(): void;
}

/** How a process is added. */
export interface ExecOptions {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly privileged?: boolean;
  readonly tty?: boolean;
  readonly detach?: boolean;
  readonly terminalSize?: { readonly width: number; readonly height: number };
  readonly onOutput?: (stream: number, bytes: Uint8Array) => void;
  readonly onStarted?: (running: Omit<RunningContainer, "name">) => void;
}
