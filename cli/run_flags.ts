/**
 * The flags of `run` and `create`, and what they mean to the engine.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { readText } from "../src/program/mod.ts";
import type { ContainerOptions } from "../src/task/mod.ts";
import type { Context } from "./command.ts";
import { type Flags, type Parsed, parseFlags, UsageError } from "./flags.ts";
import {
  parseBytes,
  parseCpus,
  parseEnv,
  parseEnvFile,
  parseMount,
  parsePairs,
  parseTmpfs,
  parseUlimit,
  parseVolume,
} from "./values.ts";

/** Flags of `create` and `run`. */
export const CONTAINER_FLAGS = {
  "cap-add": { type: "list", help: "Add Linux capabilities" },
  "cap-drop": { type: "list", help: "Drop Linux capabilities" },
  "cidfile": { type: "string", help: "Write the container ID to the file" },
  "cpus": { type: "string", value: "decimal", help: "Number of CPUs" },
  "entrypoint": { type: "string", help: "Overwrite the default ENTRYPOINT of the image" },
  "env": { type: "list", short: "e", help: "Set environment variables" },
  "env-file": { type: "list", help: "Read in a file of environment variables" },
  "group-add": { type: "list", help: "Add additional groups to join" },
  "hostname": { type: "string", short: "h", help: "Container host name" },
  "init": { type: "bool", help: "Run an init that forwards signals and reaps processes" },
  "interactive": { type: "bool", short: "i", help: "Keep STDIN open even if not attached" },
  "label": { type: "list", short: "l", help: "Set meta data on a container" },
  "memory": { type: "string", short: "m", value: "bytes", help: "Memory limit" },
  "mount": { type: "list", value: "mount", help: "Attach a filesystem mount to the container" },
  "name": { type: "string", help: "Assign a name to the container" },
  "net": { type: "string", value: "network", help: "The same as --network" },
  "network": {
    type: "string",
    value: "network",
    help: 'Network: "none" or "host" (default "none")',
  },
  "pids-limit": { type: "int", help: "Limit the number of processes (-1 for unlimited)" },
  "platform": { type: "string", help: "Set platform if image is multi-platform" },
  "privileged": { type: "bool", help: "Give extended privileges to this container" },
  "pull": { type: "string", help: 'Pull image before running ("always", "missing", "never")' },
  "quiet": { type: "bool", short: "q", help: "Suppress the pull output" },
  "read-only": { type: "bool", help: "Mount the container's root filesystem as read only" },
  "rm": { type: "bool", help: "Remove the container when it exits" },
  "rootfs": {
    type: "bool",
    help: "The first argument is a root filesystem directory, not an image",
  },
  "security-opt": { type: "list", help: "Security options" },
  "shm-size": { type: "string", value: "bytes", help: "Size of /dev/shm" },
  "stop-signal": { type: "string", help: "Signal to stop the container" },
  "stop-timeout": { type: "int", help: "Timeout (in seconds) to stop a container" },
  "sysctl": { type: "list", value: "map", help: "Sysctl options" },
  "tmpfs": { type: "list", help: "Mount a tmpfs directory" },
  "tty": { type: "bool", short: "t", help: "Allocate a pseudo-TTY" },
  "ulimit": { type: "list", value: "ulimit", help: "Ulimit options" },
  "user": {
    type: "string",
    short: "u",
    help: "Username or UID (format: <name|uid>[:<group|gid>])",
  },
  "volume": { type: "list", short: "v", help: "Bind mount a directory" },
  "workdir": { type: "string", short: "w", help: "Working directory inside the container" },
} as const satisfies Flags;

/** Docker's and nerdctl's flags that are known to be missing: an error, never ignored. */
export const UNSUPPORTED: readonly string[] = (
  "add-host annotation attach blkio-weight blkio-weight-device cgroup-parent cgroupns " +
  "cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpuset-cpus " +
  "cpuset-mems device device-cgroup-rule device-read-bps device-read-iops device-write-bps " +
  "device-write-iops disable-content-trust dns dns-option dns-search domainname expose gpus " +
  "health-cmd health-interval health-retries health-start-interval health-start-period " +
  "health-timeout ip ip6 ipc isolation kernel-memory label-file link link-local-ip log-driver " +
  "log-opt mac-address memory-reservation memory-swap memory-swappiness network-alias " +
  "no-healthcheck oom-kill-disable oom-score-adj pid pidfile publish publish-all restart runtime " +
  "sig-proxy storage-opt umask userns uts volume-driver volumes-from detach-keys"
).split(" ").map((name) => `--${name}`).concat(["-a", "-c", "-p", "-P"]);

/** Parse the arguments of `run` or `create`. */
export function parseContainerFlags<F extends Flags>(
  command: string,
  flags: F,
  argv: readonly string[],
): Parsed<F> {
  const parsed = parseFlags(command, flags, argv, {
    unsupported: UNSUPPORTED,
    stopAtArgument: true,
  });
  if (parsed.args.length === 0) {
    throw new UsageError({
      code: "invalid_argument",
      operation: `run "ctr ${command}"`,
      reason: "it requires at least 1 argument",
      hint: `see "ctr ${command} --help"`,
    });
  }
  return parsed;
}

/** Flags as the engine's options. */
export function containerOptions(
  { flags, args }: Parsed<typeof CONTAINER_FLAGS>,
  context: Context,
): ContainerOptions {
  const cwd = process.cwd();
  const [image, ...command] = args as [string, ...string[]];
  const files = flags["env-file"].flatMap((path) => parseEnvFile(readText(path), context.env));
  const limits = {
    ...flags.memory === undefined ? {} : { memoryBytes: parseBytes("--memory", flags.memory) },
    ...flags.cpus === undefined ? {} : { nanoCpus: parseCpus(flags.cpus) },
    ...flags["pids-limit"] === undefined ? {} : { pidsLimit: flags["pids-limit"] },
    ...flags["shm-size"] === undefined
      ? {}
      : { shmBytes: parseBytes("--shm-size", flags["shm-size"]) },
  };
  return {
    image,
    ...flags.rootfs ? { rootfs: image.startsWith("/") ? image : `${cwd}/${image}` } : {},
    command,
    ...flags.name === undefined ? {} : { name: flags.name },
    ...flags.entrypoint === undefined ? {} : { entrypoint: [flags.entrypoint] },
    env: [...files, ...parseEnv(flags.env, context.env)],
    ...flags.workdir === undefined ? {} : { workingDir: flags.workdir },
    ...flags.user === undefined ? {} : { user: flags.user },
    groupAdd: flags["group-add"],
    ...flags.hostname === undefined ? {} : { hostname: flags.hostname },
    labels: parsePairs(flags.label),
    tty: flags.tty ?? false,
    openStdin: flags.interactive ?? false,
    autoRemove: flags.rm ?? false,
    mounts: [
      ...flags.volume.map((text) => parseVolume(text, cwd)),
      ...flags.mount.map((text) => parseMount(text, cwd)),
      ...flags.tmpfs.map(parseTmpfs),
    ],
    readonlyRootfs: flags["read-only"] ?? false,
    privileged: flags.privileged ?? false,
    capAdd: flags["cap-add"],
    capDrop: flags["cap-drop"],
    securityOpt: flags["security-opt"],
    ...limits,
    ulimits: flags.ulimit.map(parseUlimit),
    init: flags.init ?? false,
    network: network(flags.network ?? flags.net ?? "none"),
    ...flags["stop-signal"] === undefined ? {} : { stopSignal: flags["stop-signal"] },
    ...flags["stop-timeout"] === undefined ? {} : { stopTimeoutSec: flags["stop-timeout"] },
    sysctl: parsePairs(flags.sysctl),
    ...flags.platform === undefined ? {} : { platform: flags.platform },
    pull: pullPolicy(flags.pull ?? "missing"),
  };
}

function network(name: string): "none" | "host" {
  if (name === "none" || name === "host") return name;
  throw new CtrError({
    code: "not_implemented",
    operation: "use --network",
    subject: name,
    reason: 'only "none" and "host" are supported yet',
  });
}

function pullPolicy(text: string): "always" | "missing" | "never" {
  if (text === "always" || text === "missing" || text === "never") return text;
  throw new CtrError({
    code: "invalid_argument",
    operation: "use --pull",
    subject: text,
    reason: 'it is "always", "missing" or "never"',
  });
}

/** Write the ID to a new file, as `--cidfile` wants: an existing one is another container's. */
export function checkCidFile(path: string | undefined): void {
  if (path === undefined) return;
  const { existsSync } = process.getBuiltinModule("node:fs");
  if (!existsSync(path)) return;
  throw new CtrError({
    code: "already_exists",
    operation: "write container ID",
    subject: path,
    reason: "container ID file found, make sure the other container is not running or delete it",
  });
}
