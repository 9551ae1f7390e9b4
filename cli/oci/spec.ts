/**
 * `ctr-oci spec`.
 *
 * @module
 */

import { existsSync, writeFileSync } from "node:fs";
import { CtrError } from "../../src/errors.ts";
import type { OciSpec } from "../../src/oci/mod.ts";
import { define } from "./command.ts";
import { absolute } from "./launch_flags.ts";

export const command = define({
  name: "spec",
  usage: "[options]",
  summary: "Write a config.json to begin with",
  args: [0, 0],
  flags: {
    "bundle": { type: "string", short: "b", help: "The bundle's directory (default: this one)" },
    "rootless": { type: "bool", help: "For a user who is not root" },
  },
}, async (_, { flags }) => {
  const path = `${absolute(flags.bundle ?? ".")}/config.json`;
  if (existsSync(path)) {
    const reason = "File config.json exists. Remove it first";
    throw new CtrError({ code: "already_exists", operation: "write", subject: path, reason });
  }
  const spec = exampleSpec();
  const made = flags.rootless ? rootless(spec) : spec;
  writeFileSync(path, JSON.stringify(made, null, "\t"), { mode: 0o666 });
  return 0;
});

/** The example that runc gives. */
export function exampleSpec(): OciSpec {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  const strict = ["nosuid", "noexec", "nodev"];
  return {
    ociVersion: "1.2.0",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "ctr",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: [...strict, "mode=1777", "size=65536k"],
      },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: strict },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: [...strict, "ro"] },
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: [...strict, "relatime", "ro"],
      },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: [
        { type: "pid" },
        { type: "network" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        { type: "cgroup" },
      ],
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

/** In a user namespace, where this user is root, with the host's network. */
export function rootless({ linux = {}, mounts = [], ...spec }: OciSpec): OciSpec {
  const { resources: _, namespaces = [], ...rest } = linux;
  const [uid, gid] = [process.geteuid!(), process.getegid!()];
  return {
    ...spec,
    mounts: mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup").map((mount) =>
      mount.destination === "/sys"
        ? {
          destination: "/sys",
          type: "none",
          source: "/sys",
          options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
        }
        : {
          ...mount,
          ...mount.options === undefined
            ? {}
            : { options: mount.options.filter((option) => !/^gid=/.test(option)) },
        }
    ),
    linux: {
      ...rest,
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      namespaces: [...namespaces.filter(({ type }) => type !== "network"), { type: "user" }],
    },
  };
}
