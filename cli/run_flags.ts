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
  "add-host": { type: "list" },
  "cap-add": { type: "list" },
  "cap-drop": { type: "list" },
  "cidfile": { type: "string" },
  "cpus": { type: "decimal" },
  "dns": { type: "list" },
  "dns-opt": { type: "list", hidden: true },
  "dns-option": { type: "list" },
  "dns-search": { type: "list" },
  "entrypoint": { type: "string" },
  "env": { type: "list", short: "e" },
  "env-file": { type: "list" },
  "expose": { type: "list" },
  "group-add": { type: "list" },
  "hostname": { type: "string", short: "h" },
  "init": { type: "bool" },
  "interactive": { type: "bool", short: "i" },
  "ip": { type: "string" },
  "ip6": { type: "string" },
  "label": { type: "list", short: "l" },
  "label-file": { type: "list" },
  "log-driver": { type: "string" },
  "log-opt": { type: "list" },
  "mac-address": { type: "string" },
  "memory": { type: "bytes", short: "m" },
  "mount": { type: "list", value: "mount" },
  "name": { type: "string" },
  "net": { type: "list", hidden: true },
  "net-alias": { type: "list", hidden: true },
  "network": { type: "list", value: "network" },
  "network-alias": { type: "list" },
  "pids-limit": { type: "int" },
  "platform": { type: "string" },
  "privileged": { type: "bool" },
  "publish": { type: "list", short: "p" },
  "publish-all": { type: "bool", short: "P" },
  "pull": { type: "string", default: "missing" },
  "quiet": { type: "bool", short: "q" },
  "read-only": { type: "bool" },
  "restart": { type: "string" },
  "rm": { type: "bool" },
  "rootfs": { type: "bool", ours: true },
  "runtime": { type: "string" },
  "security-opt": { type: "list" },
  "shm-size": { type: "bytes" },
  "snapshotter": { type: "string", ours: true },
  "stop-signal": { type: "string" },
  "stop-timeout": { type: "int" },
  "sysctl": { type: "list", value: "map" },
  "tmpfs": { type: "list" },
  "tty": { type: "bool", short: "t" },
  "ulimit": { type: "list", value: "ulimit" },
  "user": { type: "string", short: "u" },
  "volume": { type: "list", short: "v" },
  "workdir": { type: "string", short: "w" },
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
    "storage-opt use-api-socket userns uts volume-driver " +
    "volumes-from").split(" ");
