/**
 * The runtime spec of a container with Docker's defaults: capabilities, seccomp profile, mounts,
 * devices, masked and read-only paths. Pure: what it needs of the host comes in as options.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { CAPABILITIES } from "../linux/mod.ts";
import type {
  OciDevice,
  OciDeviceRule,
  OciMount,
  OciNamespaceType,
  OciRlimit,
  OciSpec,
} from "../oci/mod.ts";
import { DEFAULT_DEVICES } from "./default_devices.ts";
import { defaultSeccomp, resolveProfile, type SeccompProfile } from "./seccomp_profile.ts";

/** What a container is made from, with all names resolved to numbers. */
export interface SpecOptions {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly hostname: string;
  readonly terminal: boolean;
  readonly readonlyRootfs: boolean;
  readonly rootfs: string;
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  /** The parsed content of `seccomp=FILE`, as Docker or as OCI writes it; undefined: the default. */
  readonly seccompProfile?: SeccompProfile;
  /** Binds and tmpfs of `-v`, `--mount`, `--tmpfs`, and the generated files of `/etc`. */
  readonly mounts: readonly OciMount[];
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly pidsLimit: number;
  readonly rlimits: readonly OciRlimit[];
  readonly network: "none" | "host";
  readonly cgroupsPath: string;
  readonly arch: string;
  /** Capabilities that this process may give away: what `--privileged` means by "all". */
  readonly availableCapabilities: readonly string[];
  readonly shmBytes?: number;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly oomScoreAdj?: number;
  /** Devices beside the default ones, all of them allowed: `--device`, or all with `--privileged`. */
  readonly devices?: readonly OciDevice[];
}

/** Docker's capabilities. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

const READONLY_PATHS = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** The spec for these options. */
export function defaultSpec(options: SpecOptions): OciSpec {
  const { privileged } = options;
  const security = parseSecurityOptions(options.securityOpt);
  const bounding = boundingSet(options);
  // Only root keeps them over execve: for others they stay in the bounding set, for setuid programs.
  const held = options.uid === 0 ? bounding : [];
  const seccomp = privileged || security.seccomp === "unconfined"
    ? undefined
    : options.seccompProfile === undefined
    ? defaultSeccomp(bounding, options.arch)
    : resolveProfile(options.seccompProfile, bounding, options.arch);
  const devices = options.devices ?? [];
  const spread = rootfsPropagation(options.mounts);
  const namespaces: OciNamespaceType[] = ["mount", "pid", "ipc", "uts", "cgroup"];
  if (options.network === "none") namespaces.push("network");
  const confined = !privileged && !security.unconfinedPaths;
  return {
    ociVersion: "1.2.0",
    process: {
      terminal: options.terminal,
      user: { uid: options.uid, gid: options.gid, additionalGids: options.additionalGids },
      args: options.args,
      env: options.env,
      cwd: options.cwd,
      capabilities: { bounding, effective: held, permitted: held },
      rlimits: options.rlimits,
      noNewPrivileges: security.noNewPrivileges,
      ...options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj },
      ...security.appArmor === undefined ? {} : { apparmorProfile: security.appArmor },
    },
    root: { path: options.rootfs, readonly: options.readonlyRootfs },
    hostname: options.hostname,
    mounts: [...defaultMounts(options), ...sortedMounts(options.mounts)],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      cgroupsPath: options.cgroupsPath,
      devices: [...DEFAULT_DEVICES, ...devices],
      resources: {
        devices: privileged
          ? [{ allow: true, access: "rwm" }]
          : [...DEVICE_RULES, ...devices.map(ruleOf)],
        ...options.memoryBytes > 0
          ? { memory: { limit: options.memoryBytes, swap: options.memoryBytes * 2 } }
          : {},
        ...options.nanoCpus > 0
          ? { cpu: { period: 100000, quota: Math.round(options.nanoCpus / 10000) } }
          : {},
        ...options.pidsLimit !== 0 ? { pids: { limit: options.pidsLimit } } : {},
      },
      maskedPaths: confined ? MASKED_PATHS : [],
      readonlyPaths: confined ? READONLY_PATHS : [],
      ...spread === undefined ? {} : { rootfsPropagation: spread },
      ...options.sysctl === undefined ? {} : { sysctl: options.sysctl },
      ...seccomp === undefined ? {} : { seccomp },
    },
  };
}

/** Docker's rules: `ALL` counts, drops come before adds, names with or without `CAP_`. */
function boundingSet(options: SpecOptions): readonly string[] {
  const { availableCapabilities: all, privileged } = options;
  const add = options.capAdd.map((name) => capabilityName(name, "add"));
  const drop = options.capDrop.map((name) => capabilityName(name, "drop"));
  if (privileged) return all;
  const wanted = new Set(
    add.includes("ALL")
      ? all.filter((name) => !drop.includes(name))
      : drop.includes("ALL")
      ? add
      : [...DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name)), ...add],
  );
  return CAPABILITIES.filter((name) => wanted.has(name));
}

function capabilityName(text: string, verb: "add" | "drop"): string {
  const upper = text.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!CAPABILITIES.includes(name)) {
    throw new CtrError({
      code: "invalid_argument",
      operation: `${verb} capability`,
      subject: text,
      reason: `unknown capability: "${name}"`,
    });
  }
  return name;
}

/** A mount that shall see the host's mounts, or show its own, needs a root that does, as in Docker. */
function rootfsPropagation(mounts: readonly OciMount[]): string | undefined {
  const has = (word: string) =>
    mounts.some(({ options = [] }) => options.includes(word) || options.includes(`r${word}`));
  return has("shared") ? "shared" : has("slave") ? "rslave" : undefined;
}

function ruleOf({ type, major, minor }: OciDevice): OciDeviceRule {
  return {
    allow: true,
    type: type === "b" ? "b" : "c",
    ...major === undefined ? {} : { major },
    ...minor === undefined ? {} : { minor },
    access: "rwm",
  };
}

/** `--security-opt`, understood or refused. */
export function parseSecurityOptions(options: readonly string[]): {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, a file name, or undefined for the default profile. */
  readonly seccomp: string | undefined;
  readonly unconfinedPaths: boolean;
  /** A profile that the host has; `undefined`: none. */
  readonly appArmor: string | undefined;
} {
  let noNewPrivileges = false;
  let seccomp: string | undefined;
  let unconfinedPaths = false;
  let appArmor: string | undefined;
  for (const option of options) {
    const [, key, value] = /^([^=:]+)(?:[=:](.*))?$/.exec(option) ?? [];
    if (key === "no-new-privileges" && [undefined, "true", "false"].includes(value)) {
      noNewPrivileges = value !== "false";
    } else if (key === "seccomp" && value) seccomp = value;
    else if (key === "systempaths" && value === "unconfined") unconfinedPaths = true;
    else if (key === "label" && value === "disable") continue;
    else if (key === "apparmor" && value === "unconfined") continue;
    else if (key === "apparmor" && value) appArmor = value;
    else {
      throw new CtrError({
        code: "not_implemented",
        operation: "use security option",
        subject: option,
        reason: "it is not supported",
        hint: "known are no-new-privileges, seccomp=PROFILE, systempaths=unconfined, " +
          "apparmor=PROFILE and label=disable",
      });
    }
  }
  return { noNewPrivileges, seccomp, unconfinedPaths, appArmor };
}

function defaultMounts(options: SpecOptions): OciMount[] {
  const readonly = options.privileged ? [] : ["ro"];
  const mounts: OciMount[] = [
    mount("/proc", "proc", ["nosuid", "noexec", "nodev"]),
    mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    mount("/dev/pts", "devpts", [
      "nosuid",
      "noexec",
      "newinstance",
      "ptmxmode=0666",
      "mode=0620",
      "gid=5",
    ]),
    mount("/sys", "sysfs", ["nosuid", "noexec", "nodev", ...readonly]),
    mount("/sys/fs/cgroup", "cgroup", ["nosuid", "noexec", "nodev", ...readonly]),
    mount("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    mount("/dev/shm", "tmpfs", [
      "nosuid",
      "noexec",
      "nodev",
      "mode=1777",
      `size=${options.shmBytes ?? 64 << 20}`,
    ]),
  ];
  // A mount of the user's replaces ours at the same place.
  const taken = new Set(options.mounts.map(({ destination }) => destination));
  return mounts.filter(({ destination }) => !taken.has(destination));
}

function mount(destination: string, type: string, options: readonly string[]): OciMount {
  return { destination, type, source: type, options };
}

/** Parents before children, whatever order they were given in. */
function sortedMounts(mounts: readonly OciMount[]): OciMount[] {
  const depth = ({ destination }: OciMount) => destination.split("/").length;
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}

const DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...DEFAULT_DEVICES.map(ruleOf),
  { allow: true, type: "c", major: 5, minor: 1, access: "rwm" }, // console
  { allow: true, type: "c", major: 5, minor: 2, access: "rwm" }, // ptmx
  { allow: true, type: "c", major: 136, access: "rwm" }, // pty slaves
];
