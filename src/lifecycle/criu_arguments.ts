/**
 * The command lines of CRIU, which saves and restores trees of processes.
 *
 * @see https://criu.org/CLI
 * @module
 */

import { CtrError } from "../errors.ts";
import type { CgroupPath } from "../runtime/mod.ts";
import type { ExternalMount } from "./criu_mounts.ts";

/** What a caller of `checkpoint` and of `restore` may ask for. */
export interface CriuOptions {
  /** Absolute: where the images are. */
  readonly imagePath: string;
  /** Absolute: where the logs go. */
  readonly workPath: string;
  readonly tcpEstablished?: boolean;
  readonly externalUnixSockets?: boolean;
  readonly shellJob?: boolean;
  readonly fileLocks?: boolean;
  readonly lazyPages?: boolean;
  readonly autoDedup?: boolean;
  /** `soft`, the default, `full`, `strict` or `ignore` */
  readonly manageCgroups?: string | undefined;
  /** Of these namespaces only that they exist is restored: `network` is the one that CRIU knows. */
  readonly emptyNamespaces?: readonly string[];
}

/** What is only for `checkpoint`. */
export interface DumpOptions extends CriuOptions {
  readonly leaveRunning?: boolean;
  /** The memory only; it runs on. */
  readonly preDump?: boolean;
  /** The images of an earlier dump, as seen from this one's. */
  readonly parentPath?: string | undefined;
  /** `ADDRESS:PORT` */
  readonly pageServer?: string | undefined;
  /** A descriptor of ours, where CRIU tells that it waits for who wants pages. */
  readonly statusFd?: number | undefined;
}

/** What is only for `restore`. */
export interface ReviveOptions extends CriuOptions {
  /** `TYPE:NAME` */
  readonly lsmProfile?: string | undefined;
  readonly lsmMountContext?: string | undefined;
}

/** Something of the host's that the images only name. */
export interface Inherited {
  /** As CRIU has it: `pipe:[12]`, `extRootNetNS`. */
  readonly name: string;
  /** In CRIU's process. */
  readonly fd: number;
}

function common(options: CriuOptions): string[] {
  const { imagePath, workPath, emptyNamespaces = [] } = options;
  for (const name of emptyNamespaces) {
    if (name !== "network" && name !== "net") {
      throw new CtrError({
        code: "invalid_argument",
        operation: "leave namespace empty",
        subject: name,
        reason: "only network can be",
      });
    }
  }
  return [
    ...["--images-dir", imagePath, "--work-dir", workPath, "-v4"],
    ...options.tcpEstablished ? ["--tcp-established"] : [],
    ...options.externalUnixSockets ? ["--ext-unix-sk"] : [],
    ...options.shellJob ? ["--shell-job"] : [],
    ...options.fileLocks ? ["--file-locks"] : [],
    ...options.lazyPages ? ["--lazy-pages"] : [],
    ...options.autoDedup ? ["--auto-dedup"] : [],
    ...["--evasive-devices", "--link-remap"],
    `--manage-cgroups=${cgroupMode(options.manageCgroups || "soft")}`,
    ...emptyNamespaces.length > 0 ? ["--empty-ns", "net"] : [],
  ];
}

function cgroupMode(mode: string): string {
  if (["soft", "full", "strict", "ignore"].includes(mode)) return mode;
  const reason = "it is none of soft, full, strict and ignore";
  const operation = "manage cgroups";
  throw new CtrError({ code: "invalid_argument", operation, subject: mode, reason });
}

/** The arguments that save a process and all below it. */
export function dumpArguments(
  options: DumpOptions,
  found: {
    readonly pid: number;
    readonly rootfs: string;
    /** The cgroup that stops the processes. */
    readonly freezer: string | undefined;
    readonly mounts: readonly ExternalMount[];
    /** What else belongs to the host, as CRIU names it. */
    readonly external: readonly string[];
    /** In CRIU's process. */
    readonly statusFd: number | undefined;
  },
): string[] {
  const { preDump = false, leaveRunning = false, parentPath, pageServer } = options;
  return [
    preDump ? "pre-dump" : "dump",
    ...["--tree", String(found.pid), "--root", found.rootfs, "--log-file", "dump.log"],
    ...common(options),
    ...leaveRunning && !preDump ? ["--leave-running"] : [],
    ...parentPath === undefined ? [] : ["--prev-images-dir", parentPath, "--track-mem"],
    ...found.freezer === undefined ? [] : ["--freeze-cgroup", found.freezer],
    ...pageServer === undefined ? [] : pageServerArguments(pageServer),
    ...found.statusFd === undefined ? [] : ["--status-fd", String(found.statusFd)],
    ...found.mounts.flatMap((
      { destination },
    ) => ["--external", `mnt[${destination}]:${destination}`]),
    ...found.external.flatMap((name) => ["--external", name]),
  ];
}

function pageServerArguments(server: string): string[] {
  const [, address, port] = /^(.+):(\d+)$/.exec(server) ?? [];
  if (address === undefined || port === undefined) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "use page server",
      subject: server,
      reason: "it is not ADDRESS:PORT",
    });
  }
  return ["--page-server", "--address", address, "--port", port];
}

/** The arguments that bring back what was saved. */
export function restoreArguments(
  options: ReviveOptions,
  { root, pidFile, cgroup, mounts, inherited, joined }: {
    /** A mount of the container's root, for CRIU alone. */
    readonly root: string;
    readonly pidFile: string;
    readonly cgroup: CgroupPath;
    readonly mounts: readonly ExternalMount[];
    readonly inherited: readonly Inherited[];
    /** Namespaces that are there: `ipc:/proc/1/ns/ipc`. */
    readonly joined: readonly string[];
  },
): string[] {
  const { lsmProfile, lsmMountContext } = options;
  return [
    ...["restore", "--restore-detached", "--pidfile", pidFile, "--root", root],
    ...["--log-file", "restore.log"],
    ...common(options),
    ...cgroupRoots(cgroup).flatMap((place) => ["--cgroup-root", place]),
    ...lsmProfile === undefined ? [] : ["--lsm-profile", lsmProfile],
    ...lsmMountContext === undefined ? [] : ["--lsm-mount-context", lsmMountContext],
    ...mounts.flatMap((mount) => ["--external", `mnt[${mount.destination}]:${mount.source}`]),
    ...inherited.flatMap(({ name, fd }) => ["--inherit-fd", `fd[${fd}]:${name}`]),
    ...joined.flatMap((namespace) => ["--join-ns", namespace]),
  ];
}

/** CRIU knows hierarchies by their controllers, we by their places. */
function cgroupRoots(cgroup: CgroupPath): string[] {
  if (typeof cgroup === "string") return [cgroup];
  return Object.entries(cgroup).flatMap(([place, path]) => {
    const name = place.slice(place.lastIndexOf("/") + 1);
    if (name === "unified") return [];
    if (name === "systemd") return [`name=systemd:${path}`];
    return name.split(",").map((controller) => `${controller}:${path}`);
  });
}
