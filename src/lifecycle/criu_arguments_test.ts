import assert from "node:assert/strict";
import { test } from "node:test";
import { lastError } from "./criu.ts";
import { dumpArguments, restoreArguments } from "./criu_arguments.ts";

const places = { imagePath: "/images", workPath: "/work" };
const found = {
  pid: 12,
  rootfs: "/bundle/rootfs",
  freezer: undefined,
  mounts: [],
  external: [],
  statusFd: undefined,
};
const brought = {
  root: "/root",
  pidFile: "/pid",
  cgroup: "/ctr/x",
  mounts: [],
  inherited: [],
  joined: [],
};
const ALWAYS = ["-v4", "--evasive-devices", "--link-remap"];

test("dumpArguments() saves a tree of processes with its cgroups", () => {
  const args = dumpArguments(places, found);
  assert.deepEqual(args.slice(0, 5), ["dump", "--tree", "12", "--root", "/bundle/rootfs"]);
  const rest = ["--log-file", "dump.log", "--images-dir", "/images", "--work-dir", "/work"];
  assert.deepEqual(args.slice(5), [...rest, ...ALWAYS, "--manage-cgroups=soft"]);
});

test("dumpArguments() names what is the host's", () => {
  const line = dumpArguments({ ...places, leaveRunning: true }, {
    ...found,
    freezer: "/sys/fs/cgroup/ctr/x",
    mounts: [{ destination: "/data", source: "/srv/data" }],
    external: ["net[40]:extRootNetNS"],
  }).join(" ");
  for (
    const part of [
      "--leave-running",
      "--freeze-cgroup /sys/fs/cgroup/ctr/x",
      "--external mnt[/data]:/data",
      "--external net[40]:extRootNetNS",
    ]
  ) assert.ok(line.includes(part), `${part} in ${line}`);
});

test("dumpArguments() hands on what is allowed, and where pages go", () => {
  const options = {
    ...places,
    ...{ tcpEstablished: true, externalUnixSockets: true, shellJob: true, fileLocks: true },
    ...{ lazyPages: true, autoDedup: true, manageCgroups: "ignore", emptyNamespaces: ["network"] },
    ...{ preDump: true, leaveRunning: true, parentPath: "../first", pageServer: "::1:27" },
  };
  const args = dumpArguments(options, { ...found, statusFd: 3 });
  assert.equal(args[0], "pre-dump");
  for (
    const part of [
      ...["--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks", "--lazy-pages"],
      ...["--auto-dedup", "--manage-cgroups=ignore", "--empty-ns net", "--status-fd 3"],
      ...["--prev-images-dir ../first --track-mem", "--page-server --address ::1 --port 27"],
    ]
  ) assert.ok(args.join(" ").includes(part), part);
  assert.ok(!args.includes("--leave-running"));
});

test("dumpArguments() refuses what criu does not know", () => {
  for (
    const wrong of [{ manageCgroups: "none at all" }, { emptyNamespaces: ["pid"] }, {
      pageServer: "27",
    }]
  ) {
    assert.throws(() => dumpArguments({ ...places, ...wrong }, found), {
      code: "invalid_argument",
    });
  }
});

test("restoreArguments() gives the host's things back", () => {
  const args = restoreArguments({ ...places, lsmProfile: "apparmor:x", lsmMountContext: "c" }, {
    ...brought,
    mounts: [{ destination: "/data", source: "/srv/data" }],
    inherited: [{ name: "pipe:[7]", fd: 1 }, { name: "extRootNetNS", fd: 4 }],
    joined: ["ipc:/proc/1/ns/ipc"],
  });
  const log = ["--log-file", "restore.log", "--images-dir", "/images", "--work-dir", "/work"];
  assert.deepEqual(args, [
    ...["restore", "--restore-detached", "--pidfile", "/pid", "--root", "/root", ...log],
    ...[...ALWAYS, "--manage-cgroups=soft", "--cgroup-root", "/ctr/x"],
    ...["--lsm-profile", "apparmor:x", "--lsm-mount-context", "c"],
    ...["--external", "mnt[/data]:/srv/data"],
    ...["--inherit-fd", "fd[1]:pipe:[7]", "--inherit-fd", "fd[4]:extRootNetNS"],
    ...["--join-ns", "ipc:/proc/1/ns/ipc"],
  ]);
});

test("restoreArguments() names hierarchies by their controllers", () => {
  const cgroup = {
    "/sys/fs/cgroup/cpu,cpuacct": "/a",
    "/sys/fs/cgroup/systemd": "/b",
    "/sys/fs/cgroup/unified": "/c",
  };
  const args = restoreArguments(places, { ...brought, cgroup });
  const roots = args.filter((_, at) => args[at - 1] === "--cgroup-root");
  assert.deepEqual(roots, ["cpu:/a", "cpuacct:/a", "name=systemd:/b"]);
});

test("lastError() is what criu's log says at last that is a reason", () => {
  const log = `(00.01) Error (criu/a.c:1): first
(00.02)      1: Error (criu/b.c:2): it is the vdso
(00.03) Unlock network
(00.04) Error (criu/util.c:642): exited, status=1
(00.05) Error (criu/cr-dump.c:2053): Dumping FAILED.\n`;
  assert.equal(lastError(log), "Error (criu/b.c:2): it is the vdso");
  assert.equal(lastError("(00.05) Error (criu/c.c:1): FAILED"), "Error (criu/c.c:1): FAILED");
  assert.equal(lastError("(00.01) fine\n"), undefined);
});
