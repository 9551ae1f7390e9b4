/**
 * Containers with a user namespace of their own, started by root.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciNamespaceType, OciSpec } from "../../src/oci/mod.ts";
import { close, ProgramBuilder, run, waitFor } from "../../src/program/mod.ts";
import { exec, type ExecOptions } from "../../src/runtime/mod.ts";
import {
  Bundle,
  finish,
  HOST_IDS,
  inUserNamespace,
  traces,
  type Variation,
} from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");
const HOST = HOST_IDS;

/** A bundle whose files belong to the container's root. */
function mapped(): Bundle {
  const bundle = new Bundle();
  execFileSync("chown", ["-R", `${HOST}:${HOST}`, bundle.dir]);
  return bundle;
}

/** With a namespace of another process instead of one of its own. */
const joining = (type: OciNamespaceType, path: string) => (spec: OciSpec): OciSpec => ({
  ...spec,
  linux: {
    ...spec.linux,
    namespaces: [
      ...spec.linux!.namespaces!.filter((namespace) => namespace.type !== type),
      { type, path },
    ],
  },
});
const userns: Variation = { change: inUserNamespace };

test("root inside is an ordinary user outside", here, async () => {
  await using bundle = mapped();
  const created = await bundle.create(["/bin/sh", "-c", "id -u; cat /proc/self/uid_map"], userns);
  const status = readFileSync(`/proc/${created.process.pid}/status`, "utf8");
  assert.match(status, new RegExp(`^Uid:\t${HOST}\t${HOST}\t${HOST}\t${HOST}$`, "m"));
  assert.match(status, new RegExp(`^Gid:\t${HOST}\t${HOST}\t${HOST}\t${HOST}$`, "m"));
  const own = readlinkSync("/proc/self/ns/user");
  assert.notEqual(readlinkSync(`/proc/${created.process.pid}/ns/user`), own);
  const { exitCode, stdout, stderr } = finish(created);
  assert.deepEqual([exitCode, stderr], [0, ""]);
  assert.match(stdout, /^0\n +0 +100000 +65536\n$/);
});

test("its files, processes, host name and devices are its own", here, async () => {
  await using bundle = mapped();
  const { stdout, stderr } = await bundle.sh(
    "touch /tmp/mine; stat -c %u:%g /tmp/mine; echo $$; hostname; cat /proc/sys/kernel/hostname;" +
      "for d in null zero full random urandom tty; do [ -c /dev/$d ] && echo $d; done;" +
      "echo x > /dev/null && head -c 2 /dev/zero | wc -c; ls -d /sys/kernel /dev/shm /dev/pts",
    userns,
  );
  assert.equal(
    stdout,
    "0:0\n1\ninside\ninside\nnull\nzero\nfull\nrandom\nurandom\ntty\n2\n" +
      "/dev/pts\n/dev/shm\n/sys/kernel\n",
    stderr,
  );
  const { uid, gid } = lstatSync(join(bundle.rootfs, "tmp/mine"));
  assert.deepEqual([uid, gid], [HOST, HOST]);
});

test("its capabilities end at its namespace", here, async () => {
  await using bundle = mapped();
  const { stdout } = await bundle.sh(
    "grep CapEff /proc/self/status; chown 5:5 /tmp && stat -c %u /tmp;" +
      "mknod /tmp/sda b 8 0 2>/dev/null || echo no device; chown 70000 /tmp 2>/dev/null || echo no such user;" +
      "echo 1 2>/dev/null > /proc/sys/vm/drop_caches || echo no sysctl",
    userns,
  );
  assert.match(stdout, /^CapEff:\t00000000a80425fb\n5\nno device\nno such user\nno sysctl\n$/);
});

test("users, groups and the working directory are those inside", here, async () => {
  await using bundle = mapped();
  const { stdout, stderr } = await bundle.sh("id; pwd", {
    ...userns,
    uid: 1000,
    gid: 1001,
    additionalGids: [10, 29],
    cwd: "/work",
  });
  assert.equal(stdout, "uid=1000 gid=1001 groups=10,29\n/work\n", stderr);
});

test("its limits hold", here, async () => {
  await using bundle = mapped();
  const few = { ...userns, rlimits: [{ type: "RLIMIT_NOFILE", soft: 4, hard: 5 }] };
  assert.equal((await bundle.sh("ulimit -n; ulimit -Hn", few)).stdout, "4\n5\n");
  const { stdout } = await bundle.sh(
    "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done 2>/dev/null; echo unreachable",
    { ...userns, pidsLimit: 4 },
  );
  assert.doesNotMatch(stdout, /unreachable/);
});

/** A container that sleeps. */
async function running(
  bundle: Bundle,
  more: Variation,
  work: (pid: number, added: (uid: number, command: string) => ExecOptions) => Promise<void>,
): Promise<void> {
  const sleep = ["/bin/sleep", "30"];
  const created = await bundle.create(sleep, more);
  const { pid } = created.process;
  const spec = bundle.spec(sleep, more);
  created.process.start();
  try {
    await work(pid, (uid, command) => ({
      pid,
      spec,
      process: {
        ...spec.process!,
        user: { uid, gid: uid, additionalGids: [] },
        args: ["/bin/sh", "-c", command],
      },
      stdio: { stdin: 0, stdout: 1, stderr: 2 },
    }));
  } finally {
    process.kill(pid, "SIGKILL");
    finish({ ...created, process: { ...created.process, start: () => {} } });
  }
}

test("exec enters it, as root and as a user", here, async () => {
  await using bundle = mapped();
  await running(bundle, userns, async (_pid, added) => {
    const root = await bundle.exec(
      added(0, "id -u; cat /proc/self/uid_map; hostname; cat /proc/1/comm"),
    );
    assert.match(root.stdout, /^0\n +0 +100000 +65536\ninside\nsleep\n$/, root.stderr);
    assert.equal((await bundle.exec(added(1000, "id -u; id -G"))).stdout, "1000\n1000\n");
  });
});

test("the standard streams can be opened again, by root and by a user", here, async () => {
  await using bundle = mapped();
  const script = "echo out > /dev/stdout; echo err > /dev/stderr";
  for (const uid of [0, 1000]) {
    const { stdout, stderr } = await bundle.sh(script, { ...userns, uid, gid: uid });
    assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
  }
  await running(bundle, userns, async (_pid, added) => {
    for (const uid of [0, 1000]) {
      const { stdout, stderr } = await bundle.exec(added(uid, script));
      assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
    }
  });
});

test("the terminal of an added process is its user's", here, async () => {
  await using bundle = mapped();
  await running(bundle, userns, async (_pid, added) => {
    for (const uid of [0, 1000]) {
      const { process, ...more } = added(uid, 'test "$(stat -c %u "$(tty)")" = "$(id -u)"');
      const ended = await exec({ ...more, process: { ...process, terminal: true } });
      ended.start();
      assert.equal(waitFor(ended.pid, { block: true })!.exitCode, 0);
      close(ended.console!);
    }
  });
});

function groupsOf(status: string): number[] {
  return (/^Groups:\t(.*)$/m.exec(status)![1]!.match(/\d+/g) ?? []).map(Number);
}

/** For this thread, which is what a container comes from. */
function setGroups(groups: readonly number[]): void {
  const p = new ProgramBuilder("groups");
  const list = groups.length === 0 ? 0 : new Uint8Array(new Uint32Array(groups).buffer);
  p.step("setgroups", [groups.length, list]);
  run(p);
}

test("no group of the host stays, even where one group only is mapped", here, async () => {
  await using bundle = mapped();
  const one: Variation = {
    change(spec) {
      const { linux, mounts = [], ...more } = inUserNamespace(spec);
      const gidMappings = [{ containerID: 0, hostID: HOST, size: 1 }];
      const withoutGroups = mounts.map((mount) => ({
        ...mount,
        options: (mount.options ?? []).filter((option) => !option.startsWith("gid=")),
      }));
      return { ...more, mounts: withoutGroups, linux: { ...linux, gidMappings } };
    },
  };
  const script = "grep Groups /proc/self/status";
  const own = groupsOf(readFileSync("/proc/thread-self/status", "utf8"));
  setGroups([...own, 4]);
  try {
    assert.deepEqual(groupsOf((await bundle.sh(script, one)).stdout), []);
    await running(bundle, one, async (_pid, added) => {
      assert.deepEqual(groupsOf((await bundle.exec(added(0, script))).stdout), []);
    });
  } finally {
    setGroups(own);
  }
});

test("a network namespace of the host can be joined", here, async () => {
  await using bundle = mapped();
  await using other = new Bundle();
  await running(other, {}, async (pid) => {
    const path = `/proc/${pid}/ns/net`;
    const { stdout } = await bundle.sh("readlink /proc/self/ns/net; id -u", {
      change(spec) {
        const { mounts = [], ...more } = joining("network", path)(inUserNamespace(spec));
        // Only the owner of a network namespace may mount its sysfs.
        return { ...more, mounts: mounts.filter(({ destination }) => !/^\/sys/.test(destination)) };
      },
    });
    assert.equal(stdout, `${readlinkSync(path)}\n0\n`);
  });
});

test("a user namespace can be joined, with its network", here, async () => {
  await using bundle = mapped();
  await using other = mapped();
  await running(other, userns, async (pid) => {
    const [user, network] = [`/proc/${pid}/ns/user`, `/proc/${pid}/ns/net`];
    const { stdout, stderr } = await bundle.sh(
      "readlink /proc/self/ns/user; readlink /proc/self/ns/net; id -u; echo x > /dev/null && echo written",
      { change: (spec) => joining("user", user)(joining("network", network)(spec)) },
    );
    const inside = [readlinkSync(user), readlinkSync(network)].join("\n");
    assert.equal(stdout, `${inside}\n0\nwritten\n`, stderr);
  });
});

test("masks cannot be lifted by its root", here, async () => {
  await using bundle = mapped();
  const { stdout, stderr } = await bundle.sh(
    "umount /proc/timer_list; cat /proc/timer_list; mount -o remount,rw,bind /proc/sys;" +
      "echo x > /proc/sys/kernel/domainname",
    userns,
  );
  assert.equal(stdout, "");
  assert.match(stderr, /Read-only file system/);
});

test("a rootfs that its root may not enter is a clear error, and nothing stays", here, async () => {
  await using bundle = mapped();
  execFileSync("chmod", ["700", bundle.dir]);
  execFileSync("chown", ["0:0", bundle.dir]);
  const before = traces();
  await assert.rejects(bundle.run(["/bin/true"], userns), { code: "permission_denied" });
  assert.deepEqual(traces(), before);
});

test("maps that say nothing are refused", here, async () => {
  await using bundle = mapped();
  const change = (spec: OciSpec): OciSpec => {
    const { uidMappings: _, ...linux } = inUserNamespace(spec).linux!;
    return { ...spec, linux };
  };
  const before = traces();
  await assert.rejects(bundle.run(["/bin/true"], { change }), { code: "invalid_argument" });
  assert.deepEqual(traces(), before);
});

test("what its root cannot reach is mounted for it nevertheless", here, async () => {
  await using bundle = mapped();
  const hidden = join(bundle.dir, "hidden");
  mkdirSync(join(hidden, "data"), { recursive: true, mode: 0o700 });
  chmodSync(join(hidden, "data"), 0o755);
  writeFileSync(join(hidden, "data/file"), "reached\n");
  const before = traces();
  const { stdout, stderr } = await bundle.sh(
    "cat /m/file /f; touch /m/x; ls /m/..| grep -c hidden",
    {
      ...userns,
      mounts: [
        { type: "bind", source: join(hidden, "data"), destination: "/m", options: ["rbind", "ro"] },
        { type: "bind", source: join(hidden, "data/file"), destination: "/f", options: ["bind"] },
      ],
    },
  );
  assert.equal(stdout, "reached\nreached\n0\n", stderr);
  assert.match(stderr, /x: Read-only file system/);
  assert.deepEqual(traces(), before);
});

test("what its root may not make says so", here, async () => {
  await using bundle = mapped();
  execFileSync("chown", ["-h", "0:0", bundle.rootfs]);
  await assert.rejects(
    bundle.run(["/bin/true"], { ...userns, mounts: [{ type: "tmpfs", destination: "/new/dir" }] }),
    /cannot create target "\/(proc|new\/dir)": permission denied \(EACCES\)/,
  );
});

test("what the host mounts for it is not shared with the host", here, async () => {
  await using bundle = mapped();
  const hidden = join(bundle.dir, "hidden");
  mkdirSync(hidden, { mode: 0o700 });
  mkdirSync(join(hidden, "data"));
  execFileSync("mount", ["-t", "tmpfs", "ctr-test", join(hidden, "data")]);
  execFileSync("mount", ["--make-shared", join(hidden, "data")]);
  try {
    const source = join(hidden, "data");
    const seen = async (...options: string[]) => {
      const mounts = [{ type: "bind", source, destination: "/m", options: ["rbind", ...options] }];
      const { stdout } = await bundle.sh("grep ' /m ' /proc/self/mountinfo", { ...userns, mounts });
      return stdout.match(/(shared|master)(?=:)/g) ?? [];
    };
    assert.deepEqual(await seen(), ["master"]);
    assert.deepEqual(await seen("rprivate"), []);
    assert.deepEqual(await seen("rshared"), ["shared", "master"]);
  } finally {
    execFileSync("umount", [join(hidden, "data")]);
  }
});
