import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPABILITIES } from "../linux/mod.ts";
import type { OciSpec } from "../oci/mod.ts";
import { explain } from "../program/mod.ts";
import { compile } from "./compile.ts";
import type { CompileInput, HostFacts } from "./compile_types.ts";

const FACTS: HostFacts = {
  rootfsPath: "/b/rootfs",
  sourceKinds: new Map(),
  maskKinds: new Map(),
  ownStdio: [],
  availableCapabilities: ["CAP_CHOWN", "CAP_KILL", "CAP_MKNOD"],
  makesDevices: true,
  labelling: new Set(),
  parentMount: undefined,
  kcore: false,
  setGroups: true,
};

const SPEC: OciSpec = {
  ociVersion: "1.2.0",
  process: {
    args: ["/bin/true"],
    cwd: "/",
    user: { uid: 0, gid: 0 },
    capabilities: { bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] },
  },
  mounts: [{ destination: "/proc", type: "proc", source: "proc", options: ["nosuid"] }],
  linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
};

function input(spec: Partial<OciSpec> = {}, facts: Partial<HostFacts> = {}): CompileInput {
  return {
    bundle: "/b",
    spec: { ...SPEC, ...spec },
    facts: { ...FACTS, ...facts },
    rootfs: [],
    stdio: [7, 8, 9],
    goFd: 20,
    statusFd: 23,
    cgroups: ["/cg/ctr/x"],
    cgroupMounts: [],
    seccomp: undefined,
  };
}

/** The calls with their arguments, without numbers and notes. */
async function lines(input: CompileInput): Promise<string[]> {
  const text = await explain(compile(input).program);
  return text.trimEnd().split("\n").map((line) =>
    line.replace(/^ *\d+ {2}/, "").replace(/ {2}\/\*.*\*\/$/, "").replace(/#\d+/g, "#")
  );
}

const process = (more: Partial<NonNullable<OciSpec["process"]>>) => ({
  process: { ...SPEC.process!, ...more },
});
const linux = (more: Partial<NonNullable<OciSpec["linux"]>>) => ({
  linux: { ...SPEC.linux, ...more },
});

test("compile() makes this program of a small spec", async () => {
  assert.deepEqual(await lines(input()), [
    "fcntl(20, F_DUPFD_CLOEXEC, 10)",
    "fcntl(23, F_DUPFD_CLOEXEC, 10)",
    "unshare(CLONE_NEWNS)",
    'openat(AT_FDCWD, "/cg/ctr/x/tasks", O_WRONLY)',
    'write(#</cg/ctr/x>, "0", 1)',
    "close(#</cg/ctr/x>)",
    "sched_setaffinity(0, 1024, {1024 bytes})",
    "prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)",
    "setsid()",
    'mount(NULL, "/", NULL, MS_REC|MS_SLAVE, NULL)',
    "umask(0000)",
    'mount("/b/rootfs", "/b/rootfs", NULL, MS_BIND|MS_REC, NULL)',
    'openat(AT_FDCWD, "/b/rootfs", O_CLOEXEC|O_PATH|O_DIRECTORY)',
    'mkdirat(#</b/rootfs>, "proc", 0755)',
    'openat2(#</b/rootfs>, "proc", {flags=O_CLOEXEC|O_PATH|O_DIRECTORY|O_NOFOLLOW, ' +
    "resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, 24)",
    "fchdir(#</proc>)",
    'mount("proc", ".", "proc", MS_NOSUID, "")',
    'mkdirat(#</b/rootfs>, "dev", 0755)',
    'openat2(#</b/rootfs>, "dev", {flags=O_CLOEXEC|O_PATH, ' +
    "resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, 24)",
    'openat2(#</b/rootfs>, "dev", {flags=O_CLOEXEC|O_PATH|O_DIRECTORY, ' +
    "resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, 24)",
    'mknodat(#</dev>, "null", S_IFCHR|0666, makedev(1, 3))',
    'mknodat(#</dev>, "zero", S_IFCHR|0666, makedev(1, 5))',
    'mknodat(#</dev>, "full", S_IFCHR|0666, makedev(1, 7))',
    'mknodat(#</dev>, "random", S_IFCHR|0666, makedev(1, 8))',
    'mknodat(#</dev>, "urandom", S_IFCHR|0666, makedev(1, 9))',
    'mknodat(#</dev>, "tty", S_IFCHR|0666, makedev(5, 0))',
    'unlinkat(#</dev>, "ptmx", 0)',
    'symlinkat("/proc/self/fd", #</dev>, "fd")',
    'symlinkat("/proc/self/fd/0", #</dev>, "stdin")',
    'symlinkat("/proc/self/fd/1", #</dev>, "stdout")',
    'symlinkat("/proc/self/fd/2", #</dev>, "stderr")',
    'symlinkat("pts/ptmx", #</dev>, "ptmx")',
    'openat(#</dev>, "null", O_CLOEXEC|O_PATH|O_NOFOLLOW)',
    "dup3(7, 0, 0)",
    "dup3(8, 1, 0)",
    "dup3(9, 2, 0)",
    'openat(AT_FDCWD, "/", O_CLOEXEC|O_PATH)',
    "fchdir(#</b/rootfs>)",
    'pivot_root(".", ".")',
    "fchdir(#</>)",
    'mount(NULL, ".", NULL, MS_REC|MS_SLAVE, NULL)',
    'umount2(".", MNT_DETACH)',
    'chdir("/")',
    "keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)",
    "dup3(#, 3, O_CLOEXEC)",
    "dup3(#, 4, O_CLOEXEC)",
    "close_range(5, ~0U, 0)",
    "umask(0022)",
    'openat2(AT_FDCWD, "/", {flags=O_CLOEXEC|O_PATH|O_DIRECTORY, ' +
    "resolve=RESOLVE_NO_MAGICLINKS}, 24)",
    "fchdir(#</>)",
    ...CAPABILITIES.slice(1).map((name) => `prctl(PR_CAPBSET_DROP, ${name}, 0, 0, 0)`),
    "prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)",
    "setgroups(0, NULL)",
    "setresgid(0, 0, 0)",
    "setresuid(0, 0, 0)",
    "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, " +
    "{effective=CAP_CHOWN, permitted=<same>, inheritable=0})",
    "prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0)",
    "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)",
    'write(4, "r", 1)',
    "read(3, buffer, 1)",
    'execve("/bin/true", ["/bin/true"], [])',
    'faccessat(AT_FDCWD, "/bin/true", 0000)',
    'execve("/bin/true", ["/bin/true"], [])',
  ]);
});

test("compile() installs the filter last with no_new_privs, else before rights are dropped", async () => {
  const place = async (noNewPrivileges: boolean) => {
    const seccomp = { code: new Uint8Array(16), flags: 0, deliver: undefined };
    const calls = await lines({ ...input(process({ noNewPrivileges })), seccomp });
    const at = (start: string) => calls.findIndex((line) => line.startsWith(start));
    return { filter: at("seccomp"), capset: at("capset"), close: at("close_range") };
  };
  const without = await place(false);
  assert.ok(without.close < without.filter && without.filter < without.capset);
  const withIt = await place(true);
  assert.ok(withIt.capset < withIt.filter);
});

test("compile() hands the filter's listener over and closes it before it goes on", async () => {
  const seccomp = { code: new Uint8Array(8), flags: 8, deliver: () => {} };
  const calls = await lines({ ...input(), seccomp });
  const at = calls.findIndex((line) => line.startsWith("seccomp"));
  assert.deepEqual(calls.slice(at + 1, at + 4), [
    'write(4, "p", 1)',
    "read(6, buffer, 1)",
    "close(#)",
  ]);
  const kept = calls.slice(0, at).filter((line) => /^(dup3\(#|close_range)/.test(line)).slice(-5);
  assert.deepEqual(kept, [
    "dup3(#, 3, O_CLOEXEC)",
    "dup3(#, 4, O_CLOEXEC)",
    "dup3(#, 6, O_CLOEXEC)",
    "close_range(5, 5, 0)",
    "close_range(7, ~0U, 0)",
  ]);
});

test("compile() makes ambient what is inheritable and permitted", async () => {
  const [own, other] = ["CAP_CHOWN", "CAP_KILL"];
  const capabilities = { ambient: [own, other], inheritable: [own], permitted: [own, other] };
  const calls = await lines(input(process({ capabilities })));
  assert.equal(calls.filter((line) => /PR_CAP_AMBIENT_RAISE/.test(line)).length, 1);
});

test("compile() reaches a mount's target component by component, inside the root", async () => {
  const mounts = [{ destination: "/a/b", type: "bind", source: "data", options: ["rbind", "ro"] }];
  const calls = await lines(input({ mounts }, { sourceKinds: new Map([["/a/b", "file"]]) }));
  const from = calls.findIndex((line) => line.startsWith("mkdirat"));
  assert.deepEqual(calls.slice(from, from + 9).map((line) => line.replace(/\{flags.*\}/, "{}")), [
    'mkdirat(#</b/rootfs>, "a", 0755)',
    'openat2(#</b/rootfs>, "a", {}, 24)',
    'openat(#</a/b>, "b", O_RDONLY|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0644)',
    'openat2(#</b/rootfs>, "a/b", {}, 24)',
    'open_tree(AT_FDCWD, "/b/data", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE)',
    'mount_setattr(#</b/data>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY, ' +
    "attr_clr=MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NOSYMFOLLOW}, 32)",
    'mount_setattr(#</b/data>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY}, 32)',
    'move_mount(#</b/data>, "", #</a/b>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)',
    'mkdirat(#</b/rootfs>, "dev", 0755)',
  ]);
});

test("compile() opens the terminal inside the container, and mounts it by descriptors", async () => {
  const calls = await lines(input(process({ terminal: true })));
  const pivot = calls.findIndex((line) => line.startsWith("pivot_root"));
  const open = calls.findIndex((line) => line.includes('"/dev/pts/ptmx"'));
  const close = calls.findIndex((line) => line.startsWith("close_range"));
  assert.ok(pivot < open && open < close);
  assert.equal(calls[close], "close_range(6, ~0U, 0)");
  assert.ok(
    calls.some((line) => line.startsWith('move_mount(#</dev/console>, "", #</dev/console>')),
  );
});

test("compile() chooses the way to mount an overlay by the length of its options", async () => {
  const rootfs = (count: number) => [{
    type: "overlay",
    source: "overlay",
    options: [
      ...Array.from({ length: count }, (_, i) => `lowerdir+=/var/lib/ctr/snapshots/${i}/fs`),
      "upperdir=/u",
      "workdir=/w",
      "volatile",
      "noatime",
      "nodev",
    ],
  }];
  const few = await lines({ ...input(), rootfs: rootfs(3) });
  assert.ok(few.some((line) => line.startsWith('mount("overlay", ".", "overlay"')));
  const many = await lines({ ...input(), rootfs: rootfs(300) });
  assert.equal(many.filter((line) => line.includes('"lowerdir+"')).length, 300);
  assert.ok(many.some((line) => line.includes('FSCONFIG_SET_FLAG, "volatile"')));
  assert.ok(many.some((line) => line.endsWith("MOUNT_ATTR_NODEV|MOUNT_ATTR_NOATIME)")));
});

test("compile() waits for id maps before it becomes root", async () => {
  const namespaces = [{ type: "mount" }, { type: "user" }] as const;
  const calls = await lines(input(linux({ namespaces })));
  const wait = calls.indexOf("read(#, buffer, 1)");
  assert.deepEqual(calls.slice(wait, wait + 3), [
    "read(#, buffer, 1)",
    "setresgid(0, 0, 0)",
    "setresuid(0, 0, 0)",
  ]);
  assert.ok(calls.findIndex((line) => line.includes("/tasks")) < wait);
  // No right to make devices there.
  assert.ok(!calls.some((line) => line.startsWith("mknodat")));
});

test("compile() does with the host's rights what comes before a user namespace", async () => {
  const namespaces = [{ type: "mount" }, { type: "user" }, {
    type: "network",
    path: "/n",
  }] as const;
  const uidMappings = [{ containerID: 0, hostID: 500, size: 1 }];
  const calls = await lines(input(linux({ namespaces, uidMappings }), { ownStdio: [0] }));
  const clone = calls.findIndex((line) => line.startsWith("clone3"));
  assert.deepEqual(calls.slice(clone - 3, clone), [
    "fchown(7, 500, -1)",
    'openat(AT_FDCWD, "/n", O_RDONLY|O_CLOEXEC)',
    "setns(#</n>, CLONE_NEWNET)",
  ]);
  assert.equal(compile(input(linux({ namespaces }))).cloneFlags, 0);
});

test("compile() makes no devices in a joined user namespace", async () => {
  const namespaces = [{ type: "mount" }, { type: "user", path: "/u" }] as const;
  const calls = await lines(input(linux({ namespaces })));
  assert.ok(!calls.some((line) => line.startsWith("mknodat")));
});

test("compile() clones twice to join a process-id namespace", () => {
  const namespaces = [{ type: "mount" }, { type: "pid", path: "/proc/1/ns/pid" }] as const;
  const compiled = compile(input(linux({ namespaces })));
  assert.equal(compiled.cloneFlags, 0);
  assert.notEqual(compiled.second, undefined);
});

test("compile() keeps sysctls to the container's namespaces", async () => {
  const sysctl = (key: string, ...types: ("ipc" | "network" | "uts")[]) =>
    lines(input(linux({
      sysctl: { [key]: "1" },
      namespaces: [...SPEC.linux!.namespaces!, ...types.map((type) => ({ type }))],
    })));
  const calls = await sysctl("net.ipv4.conf.eth0/1.forwarding", "network");
  assert.ok(calls.some((line) => line.includes('"sys/net/ipv4/conf/eth0.1/forwarding"')));
  await sysctl("kernel.shmmax", "ipc");
  await sysctl("fs.mqueue.msg_max", "ipc");
  const bad: [string, ...("ipc" | "network" | "uts")[]][] = [
    ["kernel.core_pattern", "ipc", "network", "uts"],
    ["kernel.shmmax"],
    ["net.ipv4.ip_forward"],
    ["net.ipv4.../../../kernel/core_pattern", "network"],
    ["net/../kernel/core_pattern", "network"],
    ["", "network"],
    ["kernel", "uts"],
  ];
  for (const [key, ...types] of bad) {
    await assert.rejects(sysctl(key, ...types), { code: "invalid_argument" }, key);
  }
});

test("compile() refuses what makes no sense or is not done", () => {
  const refused = (code: string, spec: Partial<OciSpec>) =>
    assert.throws(() => compile(input(spec)), { code }, JSON.stringify(spec));
  refused("invalid_argument", process({ args: [] }));
  refused("invalid_argument", process({ cwd: "relative" }));
  refused("invalid_argument", process({ rlimits: [{ type: "RLIMIT_X", soft: 1, hard: 1 }] }));
  refused("failed_precondition", process({ apparmorProfile: "docker-default" }));
  refused("invalid_argument", linux({ namespaces: [{ type: "pid" }], maskedPaths: ["/x"] }));
  refused("invalid_argument", linux({ namespaces: [{ type: "mount" }, { type: "mount" }] }));
  refused("invalid_argument", linux({ rootfsPropagation: "sideways" }));
  refused("invalid_argument", { hostname: "h" });
  refused("invalid_argument", { mounts: [{ destination: "/a/..", type: "tmpfs" }] });
  for (const destination of ["/proc/sys", "/proc//self/attr", "/proc/./acpi"]) {
    refused("invalid_argument", { mounts: [{ destination, type: "bind", source: "/tmp" }] });
  }
  refused("invalid_argument", { mounts: [{ destination: "/proc", type: "tmpfs" }] });
  refused("not_implemented", { hooks: { prestart: [{ path: "/bin/true" }] } });
});

test("compile() links the controllers of a merged cgroup hierarchy", async () => {
  const mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] }];
  const cgroupMounts = [{ source: "/cg/cpu,cpuacct/x", name: "cpu,cpuacct" }];
  const calls = await lines({ ...input({ mounts }), cgroupMounts });
  for (const name of ["cpu", "cpuacct"]) {
    assert.ok(calls.includes(`symlinkat("cpu,cpuacct", #</sys/fs/cgroup>, "${name}")`));
  }
});

test("compile() shows the host's cgroups, version 2, only to a container in their namespace", async () => {
  const mount = { destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro", "nosuid"] };
  const cgroupMounts = [{ source: "/cg/x", name: "" }];
  const types = async (...all: ("mount" | "cgroup" | "user")[]) => {
    const namespaces = all.map((type) => ({ type }));
    const spec = { mounts: [mount], ...linux({ namespaces }) };
    const calls = await lines({ ...input(spec), cgroupMounts });
    return calls.filter((line) => /^(mount\("cgroup|open_tree.*cg)/.test(line));
  };
  const bound = ['open_tree(AT_FDCWD, "/cg/x", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC)'];
  assert.deepEqual(await types("mount", "cgroup"), bound);
  assert.deepEqual(await types("mount", "user"), bound);
  assert.deepEqual(await types("mount"), [
    'mount("cgroup", ".", "cgroup2", MS_RDONLY|MS_NOSUID, "")',
  ]);
});

test("compile() mounts devices where it may not make them, but for FIFOs", async () => {
  const devices = [{ type: "p", path: "/dev/f" }, { type: "c", path: "/dev/c" }] as const;
  const calls = await lines(input(linux({ devices }), { makesDevices: false }));
  assert.deepEqual(calls.filter((line) => line.startsWith("mknodat")), [
    'mknodat(#</dev>, "f", S_IFIFO|0666, makedev(0, 0))',
  ]);
  assert.ok(calls.some((line) => line.startsWith('open_tree(AT_FDCWD, "/dev/c"')));
});

test("compile() labels new file systems where SELinux is", async () => {
  const mountLabel = "u:r:t:s0:c1,c2";
  const mounts = ["tmpfs", "proc", "mqueue"].map((type) => ({
    destination: type === "proc" ? "/proc" : `/m/${type}`,
    type,
    ...type === "tmpfs" ? { options: ["mode=700"] } : {},
  }));
  const labelled = async (selinux: boolean) => {
    const facts = { labelling: new Set(selinux ? ["selinux" as const] : []) };
    const more = { mounts, ...linux({ mountLabel, maskedPaths: ["/m/x"] }) };
    const calls = await lines(input(more, facts));
    return calls.filter((line) => line.includes("context="));
  };
  const context = 'context=\\"u:r:t:s0:c1,c2\\"';
  assert.deepEqual(await labelled(true), [
    `mount("tmpfs", ".", "tmpfs", 0, "mode=700,${context}")`,
    `mount("tmpfs", "/m/x", "tmpfs", MS_RDONLY, "nr_inodes=2,${context}")`,
  ]);
  assert.deepEqual(await labelled(false), []);
});
