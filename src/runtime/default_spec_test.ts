import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPABILITIES } from "../linux/mod.ts";
import {
  DEFAULT_CAPABILITIES,
  defaultSpec,
  parseSecurityOptions,
  type SpecOptions,
} from "./default_spec.ts";
import { resolveProfile } from "./seccomp_profile.ts";

const OPTIONS: SpecOptions = {
  args: ["sh"],
  env: ["PATH=/bin"],
  cwd: "/",
  uid: 0,
  gid: 0,
  additionalGids: [],
  hostname: "h",
  terminal: false,
  readonlyRootfs: false,
  rootfs: "rootfs",
  privileged: false,
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  mounts: [],
  memoryBytes: 0,
  nanoCpus: 0,
  pidsLimit: 0,
  rlimits: [],
  network: "none",
  cgroupsPath: "/ctr/id",
  arch: "x86_64",
  availableCapabilities: CAPABILITIES.filter((name) => name !== "CAP_SYS_RESOURCE"),
};
const spec = (more: Partial<SpecOptions> = {}) => defaultSpec({ ...OPTIONS, ...more });
const bounding = (more: Partial<SpecOptions>) => spec(more).process!.capabilities!.bounding!;

test("defaultSpec() is what Docker gives a container", () => {
  const { linux, mounts, process } = spec();
  assert.deepEqual(
    mounts!.map(({ destination, type }) => `${type} ${destination}`),
    [
      "proc /proc",
      "tmpfs /dev",
      "devpts /dev/pts",
      "sysfs /sys",
      "cgroup /sys/fs/cgroup",
      "mqueue /dev/mqueue",
      "tmpfs /dev/shm",
    ],
  );
  assert.deepEqual(
    linux!.namespaces!.map(({ type }) => type).sort(),
    ["cgroup", "ipc", "mount", "network", "pid", "uts"],
  );
  assert.equal(process!.capabilities!.bounding!.length, 14);
  assert.deepEqual(process!.capabilities!.effective, process!.capabilities!.bounding);
  assert.equal(process!.noNewPrivileges, false);
  assert.ok(linux!.maskedPaths!.includes("/proc/kcore"));
  assert.ok(linux!.readonlyPaths!.includes("/proc/sys"));
  assert.equal(linux!.seccomp!.defaultAction, "SCMP_ACT_ERRNO");
  assert.deepEqual(linux!.resources!.devices![0], { allow: false, access: "rwm" });
  assert.equal(linux!.rootfsPropagation, undefined);
  // It is a document: what is written to config.json is what is read from it.
  assert.deepEqual(JSON.parse(JSON.stringify(spec())), spec());
});

test("defaultSpec() gives a user who is not root no capabilities but the bounding set", () => {
  const { capabilities } = spec({ uid: 1000 }).process!;
  assert.deepEqual(capabilities!.effective, []);
  assert.deepEqual(capabilities!.permitted, []);
  assert.equal(capabilities!.bounding!.length, 14);
});

test("defaultSpec() adds and drops capabilities by Docker's rules", () => {
  assert.deepEqual(bounding({ capDrop: ["all"] }), []);
  assert.deepEqual(bounding({ capDrop: ["ALL"], capAdd: ["net_admin"] }), ["CAP_NET_ADMIN"]);
  assert.deepEqual(
    bounding({ capDrop: ["CAP_MKNOD"], capAdd: ["SYS_PTRACE"] }).filter((name) =>
      !DEFAULT_CAPABILITIES.includes(name)
    ),
    ["CAP_SYS_PTRACE"],
  );
  assert.ok(!bounding({ capDrop: ["MKNOD"] }).includes("CAP_MKNOD"));
  // What is dropped and added by name is added; what "all" added can be dropped.
  assert.ok(bounding({ capDrop: ["MKNOD"], capAdd: ["MKNOD"] }).includes("CAP_MKNOD"));
  const most = bounding({ capAdd: ["ALL"], capDrop: ["SYS_ADMIN"] });
  assert.ok(!most.includes("CAP_SYS_ADMIN") && most.includes("CAP_NET_ADMIN"));
  assert.throws(() => bounding({ capAdd: ["FOO"] }), {
    code: "invalid_argument",
    message: 'cannot add capability "FOO": unknown capability: "CAP_FOO"',
  });
});

test("defaultSpec() with privileged lifts what Docker lifts, as far as this host can give", () => {
  const { linux, mounts, process } = spec({ privileged: true });
  assert.deepEqual(process!.capabilities!.bounding, OPTIONS.availableCapabilities);
  assert.deepEqual([linux!.maskedPaths, linux!.readonlyPaths], [[], []]);
  assert.equal(linux!.seccomp, undefined);
  assert.deepEqual(linux!.resources!.devices, [{ allow: true, access: "rwm" }]);
  for (const { options } of mounts!) assert.ok(!options!.includes("ro"));
});

test("defaultSpec() turns limits into what the kernel counts in", () => {
  const resources = spec({ memoryBytes: 64 << 20, nanoCpus: 1_500_000_000, pidsLimit: 7 })
    .linux!.resources!;
  assert.deepEqual(resources.memory, { limit: 64 << 20, swap: 128 << 20 });
  assert.deepEqual(resources.cpu, { period: 100000, quota: 150000 });
  assert.deepEqual(resources.pids, { limit: 7 });
});

test("defaultSpec() lets a user's mount replace ours, and sorts parents first", () => {
  const mounts = spec({
    mounts: [
      { destination: "/data/deep", type: "bind", source: "/a", options: [] },
      { destination: "/data", type: "bind", source: "/b", options: [] },
      { destination: "/dev/shm", type: "tmpfs", source: "tmpfs", options: ["size=1m"] },
    ],
  }).mounts!;
  const places = mounts.map(({ destination }) => destination);
  assert.ok(places.indexOf("/data") < places.indexOf("/data/deep"));
  assert.deepEqual(mounts.filter(({ destination }) => destination === "/dev/shm").length, 1);
});

test("defaultSpec() makes the root share mounts when a mount is to be shared", () => {
  const mount = (option: string) =>
    spec({ mounts: [{ destination: "/m", type: "bind", source: "/m", options: [option] }] })
      .linux!.rootfsPropagation;
  assert.equal(mount("rprivate"), undefined);
  assert.equal(mount("rslave"), "rslave");
  assert.equal(mount("rshared"), "shared");
});

test("defaultSpec() allows the devices it adds", () => {
  const fuse = { type: "c", path: "/dev/fuse", major: 10, minor: 229 } as const;
  const { devices, resources } = spec({ devices: [fuse] }).linux!;
  assert.deepEqual(devices!.at(-1), fuse);
  const rule = { allow: true, type: "c", major: 10, minor: 229, access: "rwm" };
  assert.deepEqual(resources!.devices!.at(-1), rule);
});

test("parseSecurityOptions() understands Docker's options or refuses them", () => {
  const parse = (...options: string[]) => parseSecurityOptions(options);
  assert.equal(parse("no-new-privileges").noNewPrivileges, true);
  assert.equal(parse("no-new-privileges:true").noNewPrivileges, true);
  assert.equal(parse("no-new-privileges=false").noNewPrivileges, false);
  assert.equal(parse("seccomp=unconfined").seccomp, "unconfined");
  assert.equal(parse("seccomp:/a/b.json").seccomp, "/a/b.json");
  assert.equal(parse("systempaths=unconfined").unconfinedPaths, true);
  assert.equal(parse("label=disable", "apparmor=unconfined").appArmor, undefined);
  assert.equal(parse("apparmor=mine").appArmor, "mine");
  for (const bad of ["label=user:me", "nonsense", "no-new-privileges=maybe", "seccomp="]) {
    assert.throws(() => parse(bad), { code: "not_implemented" }, bad);
  }
  assert.deepEqual(spec({ securityOpt: ["systempaths=unconfined"] }).linux!.maskedPaths, []);
  assert.equal(spec({ securityOpt: ["seccomp=unconfined"] }).linux!.seccomp, undefined);
});

test("resolveProfile() decides Docker's conditions", () => {
  const allow = (name: string, more: object = {}) => ({
    names: [name],
    action: "SCMP_ACT_ALLOW" as const,
    ...more,
  });
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO" as const,
    archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
    syscalls: [
      allow("read"),
      allow("mount", { includes: { caps: ["CAP_SYS_ADMIN"] } }),
      allow("clone", { excludes: { caps: ["CAP_SYS_ADMIN"] } }),
      allow("arch_prctl", { includes: { arches: ["amd64"] } }),
      allow("set_tls", { includes: { arches: ["arm64"] } }),
      allow("ptrace", { includes: { minKernel: "4.8" } }),
      { name: "write", action: "SCMP_ACT_ALLOW" as const, args: null },
    ],
  };
  const names = (caps: string[]) =>
    resolveProfile(profile, caps, "x86_64").syscalls!.flatMap((rule) => rule.names);
  assert.deepEqual(names([]), ["read", "clone", "arch_prctl", "ptrace", "write"]);
  assert.deepEqual(names(["CAP_SYS_ADMIN"]), ["read", "mount", "arch_prctl", "ptrace", "write"]);
  assert.deepEqual(
    resolveProfile(profile, [], "x86_64").architectures,
    ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
  );
  assert.throws(() => resolveProfile({} as typeof profile, [], "x86_64"), {
    code: "invalid_argument",
  });
});
