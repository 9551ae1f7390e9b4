/**
 * The flags of `run` and `create`.
 *
 * @module
 */

import type { Flags } from "./flags.ts";
import { VERIFY_FLAGS } from "./verify_flags.ts";

/** Flags of `create` and `run`. */
export const CONTAINER_FLAGS = {
  ...VERIFY_FLAGS,
  "add-host": { type: "list", help: "Add a custom host-to-IP mapping (host:ip)" },
  "cap-add": { type: "list", help: "Add Linux capabilities" },
  "cap-drop": { type: "list", help: "Drop Linux capabilities" },
  "cidfile": { type: "string", help: "Write the container ID to the file" },
  "cpus": { type: "decimal", help: "Number of CPUs" },
  "dns": { type: "list", help: "Set custom DNS servers" },
  "dns-opt": { type: "list", hidden: true, help: "The same as --dns-option" },
  "dns-option": { type: "list", help: "Set DNS options" },
  "dns-search": { type: "list", help: "Set custom DNS search domains" },
  "entrypoint": { type: "string", help: "Overwrite the default ENTRYPOINT of the image" },
  "env": { type: "list", short: "e", help: "Set environment variables" },
  "env-file": { type: "list", help: "Read in a file of environment variables" },
  "expose": { type: "list", help: "Expose a port or a range of ports" },
  "group-add": { type: "list", help: "Add additional groups to join" },
  "hostname": { type: "string", short: "h", help: "Container host name" },
  "init": {
    type: "bool",
    help: "Run an init inside the container that forwards signals and reaps processes",
  },
  "interactive": { type: "bool", short: "i", help: "Keep STDIN open even if not attached" },
  "ip": { type: "string", help: "IPv4 address (e.g., 172.30.100.104)" },
  "ip6": { type: "string", help: "IPv6 address (e.g., 2001:db8::33)" },
  "label": { type: "list", short: "l", help: "Set meta data on a container" },
  "label-file": { type: "list", help: "Read in a line delimited file of labels" },
  "log-driver": { type: "string", help: "Logging driver for the container" },
  "log-opt": { type: "list", help: "Log driver options" },
  "mac-address": { type: "string", help: "Container MAC address (e.g., 92:d0:c6:0a:29:33)" },
  "memory": { type: "bytes", short: "m", help: "Memory limit" },
  "mount": { type: "list", value: "mount", help: "Attach a filesystem mount to the container" },
  "name": { type: "string", help: "Assign a name to the container" },
  "net": { type: "list", hidden: true, help: "The same as --network" },
  "net-alias": { type: "list", hidden: true, help: "The same as --network-alias" },
  "network": {
    type: "list",
    value: "network",
    help: 'Connect the container to a network, or "none" (the default), "host", "container:NAME"',
  },
  "network-alias": { type: "list", help: "Add network-scoped alias for the container" },
  "pids-limit": { type: "int", help: "Tune container pids limit (set -1 for unlimited)" },
  "platform": { type: "string", help: "Set platform if image is multi-platform" },
  "privileged": { type: "bool", help: "Give extended privileges to this container" },
  "publish": { type: "list", short: "p", help: "Publish a container's port(s) to the host" },
  "publish-all": {
    type: "bool",
    short: "P",
    help: "Publish all exposed ports to random ports",
  },
  "pull": {
    type: "string",
    help: 'Pull image before running ("always", "missing", "never")',
    default: "missing",
  },
  "quiet": { type: "bool", short: "q", help: "Suppress the pull output" },
  "read-only": { type: "bool", help: "Mount the container's root filesystem as read only" },
  "rm": { type: "bool", help: "Automatically remove the container when it exits" },
  "rootfs": {
    type: "bool",
    ours: true,
    help: "The first argument is a root filesystem directory, not an image",
  },
  "runtime": { type: "string", help: "Runtime to use for this container" },
  "security-opt": { type: "list", help: "Security Options" },
  "shm-size": { type: "bytes", help: "Size of /dev/shm" },
  "snapshotter": {
    type: "string",
    help: "How image layers are kept: erofs, overlayfs, native, btrfs",
    ours: true,
  },
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

/** Docker's flags that are known to be missing: an error, never ignored. */
export const MISSING: readonly string[] =
  ("annotation blkio-weight blkio-weight-device cgroup-parent cgroupns cpu-count " +
    "cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares,c cpuset-cpus " +
    "cpuset-mems device device-cgroup-rule device-read-bps device-read-iops device-write-bps " +
    "device-write-iops disable-content-trust domainname " +
    "gpus health-cmd health-interval health-retries health-start-interval health-start-period " +
    "health-timeout io-maxbandwidth io-maxiops ipc isolation kernel-memory link " +
    "link-local-ip memory-reservation memory-swap " +
    "memory-swappiness no-healthcheck oom-kill-disable oom-score-adj pid " +
    "restart storage-opt use-api-socket userns uts volume-driver " +
    "volumes-from").split(" ");
