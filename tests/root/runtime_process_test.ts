import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciProcess, OciSpec } from "../../src/oci/mod.ts";
import { arch, sys } from "../../ffi/mod.ts";
import { close, SYS, waitFor } from "../../src/program/mod.ts";
import { staticElf } from "../../src/runtime/init/init_elf.ts";
import { Bundle, traces, type Variation } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

const withProcess = (more: Partial<OciProcess>) => (spec: OciSpec): OciSpec => ({
  ...spec,
  process: { ...spec.process!, ...more },
});

test("user, groups, environment, directory and umask are the spec's", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh("id; pwd; env | grep A=; umask", {
    uid: 1000,
    gid: 1001,
    additionalGids: [10, 29],
    cwd: "/tmp",
    env: ["PATH=/bin", "A=b c"],
    change: withProcess({ user: { uid: 1000, gid: 1001, additionalGids: [10, 29], umask: 0o27 } }),
  });
  assert.equal(stdout, "uid=1000 gid=1001 groups=10,29\n/tmp\nA=b c\n0027\n");
});

test(
  "a missing working directory is made, and a hidden one entered before the user changes",
  here,
  async () => {
    await using bundle = new Bundle();
    assert.equal((await bundle.run(["/bin/pwd"], { cwd: "/new/dir" })).stdout, "/new/dir\n");
    chmodSync(join(bundle.rootfs, "root"), 0o700);
    const user = { uid: 1000, gid: 1000, cwd: "/root" };
    assert.equal((await bundle.run(["/bin/pwd"], user)).stdout, "/root\n");
  },
);

test("a user can open the standard streams again", here, async () => {
  await using bundle = new Bundle();
  const { stdout, stderr } = await bundle.sh("echo out > /dev/stdout; echo err > /dev/stderr", {
    uid: 1000,
    gid: 1000,
  });
  assert.deepEqual([stdout, stderr], ["out\n", "err\n"]);
});

test("resource limits are set, up to what this host allows", here, async () => {
  await using bundle = new Bundle();
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    { type: "RLIMIT_CPU", soft: -1, hard: 18446744073709551615 },
  ];
  const { stdout } = await bundle.sh("cat /proc/self/limits", { rlimits });
  assert.match(stdout, /Max open files +100 +200/);
  assert.match(stdout, /Max core file size +0 +0/);
  assert.match(stdout, /Max cpu time +unlimited +unlimited/);
});

test("few descriptors do not stop the set-up, and a user gets limits like root", here, async () => {
  await using bundle = new Bundle();
  const rlimits = [{ type: "RLIMIT_NOFILE", soft: 4, hard: 4 }];
  for (const uid of [0, 1000]) {
    const { stdout } = await bundle.sh("ulimit -n; ulimit -Hn", { rlimits, uid, gid: uid });
    assert.equal(stdout, "4\n4\n");
  }
  await assert.rejects(
    bundle.run(["/bin/true"], { rlimits: [{ type: "RLIMIT_NOFILE", soft: 2, hard: 1 }] }),
    /cannot set limit "RLIMIT_NOFILE": invalid argument/,
  );
});

test("the OOM score is the container's and not its parent's", here, async () => {
  await using bundle = new Bundle();
  const own = readFileSync("/proc/self/oom_score_adj", "utf8");
  const { stdout } = await bundle.run(["/bin/cat", "/proc/self/oom_score_adj"], {
    oomScoreAdj: 500,
  });
  assert.equal(stdout, "500\n");
  assert.equal(readFileSync("/proc/self/oom_score_adj", "utf8"), own);
});

test("kernel parameters of the container's namespaces are set", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh(
    "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni; hostname",
    { sysctl: { "net.ipv4.ip_forward": "1", "kernel.shmmni": "99" } },
  );
  assert.equal(stdout, "1\n99\ninside\n");
  await assert.rejects(
    bundle.run(["/bin/true"], { sysctl: { "net.ipv4.no_such_thing": "1" } }),
    /cannot set sysctl "net.ipv4.no_such_thing": no such file or directory/,
  );
});

test("a host name and a domain name are the container's", here, async () => {
  await using bundle = new Bundle();
  const names = (spec: OciSpec): OciSpec => ({
    ...spec,
    hostname: "h-o.st",
    domainname: "do.main",
  });
  const { stdout } = await bundle.sh("cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname", {
    change: names,
  });
  assert.equal(stdout, "h-o.st\ndo.main\n");
  const without = (spec: OciSpec): OciSpec => ({
    ...names(spec),
    linux: {
      ...spec.linux,
      namespaces: spec.linux!.namespaces!.filter(({ type }) => type !== "uts"),
    },
  });
  await assert.rejects(
    bundle.run(["/bin/true"], { change: without }),
    /unable to set hostname without a private UTS namespace/,
  );
});

test("a resource limit that is unknown or listed twice is refused", here, async () => {
  await using bundle = new Bundle();
  const limit = (type: string) => ({ type, soft: 1024, hard: 1024 });
  const refused = (types: readonly string[], message: RegExp) =>
    assert.rejects(bundle.run(["/bin/true"], { rlimits: types.map(limit) }), message);
  await refused(["RLIMIT_X"], /cannot set limit "RLIMIT_X": there is no such resource limit/);
  await refused(["RLIMIT_CORE", "RLIMIT_CORE"], /"RLIMIT_CORE": it is listed twice/);
});

test("scheduling and I/O priority are inherited", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh("cat /proc/self/stat", {
    change: withProcess({
      scheduler: { policy: "SCHED_BATCH", nice: 5 },
      ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
    }),
  });
  const fields = stdout.slice(stdout.lastIndexOf(")") + 2).split(" ");
  assert.equal(fields[16], "5"); // nice
  assert.equal(fields[38], "3"); // SCHED_BATCH
});

test("ambient capabilities survive the change of the user", here, async () => {
  await using bundle = new Bundle();
  const caps = ["CAP_NET_BIND_SERVICE"];
  const { stdout } = await bundle.run(["/bin/grep", "Cap", "/proc/self/status"], {
    uid: 1000,
    change: withProcess({
      capabilities: {
        bounding: caps,
        effective: caps,
        permitted: caps,
        inheritable: caps,
        ambient: caps,
      },
    }),
  });
  assert.deepEqual(stdout.match(/[0-9a-f]{16}/g), Array(5).fill("0000000000000400"));
});

/** Start fails: how, and that nothing stays. */
async function fails(bundle: Bundle, args: readonly string[], more: Variation = {}) {
  const before = traces();
  const error = await bundle.run(args, more).then(
    () => assert.fail("it ran"),
    (error: Error & { code?: string }) => error,
  );
  assert.deepEqual(traces(), before);
  return { code: error.code, message: error.message };
}

test("a command that cannot be executed says why, and leaves nothing behind", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const file = (name: string, content: string, mode: number) => {
    writeFileSync(join(bundle.rootfs, name), content);
    chmodSync(join(bundle.rootfs, name), mode);
  };
  file("plain", "", 0o644);
  file("garbage", "\x01\x02\x03\x04", 0o755);
  file("crlf", "#!/bin/sh\r\necho\r\n", 0o755);
  assert.deepEqual(await fails(bundle, ["nothing"]), {
    code: "not_found",
    message: 'cannot execute "nothing": executable file not found in $PATH',
  });
  assert.deepEqual(await fails(bundle, ["/no/such"]), {
    code: "not_found",
    message: 'cannot execute "/no/such": no such file or directory',
  });
  assert.deepEqual(await fails(bundle, ["/plain"]), {
    code: "permission_denied",
    message: 'cannot execute "/plain": permission denied',
  });
  assert.equal((await fails(bundle, ["/tmp"])).code, "permission_denied");
  assert.match((await fails(bundle, ["/plain/x"])).message, /not a directory/);
  const garbage = await fails(bundle, ["/garbage"]);
  assert.equal(garbage.code, "permission_denied");
  assert.match(garbage.message, /exec format error/);
  const crlf = await fails(bundle, ["/crlf"]);
  assert.equal(crlf.code, "not_found");
  assert.match(crlf.message, /its loader or the interpreter after "#!" is missing/);
});

test("PATH is searched as execvp does", here, async () => {
  await using bundle = new Bundle();
  mkdirSync(join(bundle.rootfs, "one"));
  mkdirSync(join(bundle.rootfs, "one/echo"));
  writeFileSync(join(bundle.rootfs, "one/id"), "not executable");
  const env = ["PATH=/nowhere:/one::/bin"];
  assert.equal((await bundle.run(["echo", "found"], { env })).stdout, "found\n");
  assert.equal((await bundle.run(["id"], { env })).exitCode, 0);
  assert.equal((await bundle.run(["bin/true"], { env: [] })).exitCode, 0);
  assert.equal((await bundle.run(["true"], { env: [] })).exitCode, 0); // the default PATH
});

test(
  "a working directory that cannot be entered says why, and leaves nothing behind",
  here,
  async () => {
    await using bundle = new Bundle();
    await bundle.run(["/bin/true"]);
    writeFileSync(join(bundle.rootfs, "file"), "");
    assert.deepEqual(await fails(bundle, ["/bin/true"], { cwd: "/file" }), {
      code: "invalid_argument",
      message: 'cannot enter working directory "/file": not a directory (ENOTDIR)',
    });
    const missing = await fails(bundle, ["/bin/true"], { cwd: "/x/y", readonlyRootfs: true })
      .catch(() => undefined);
    assert.equal(missing, undefined); // made before the root becomes read-only
    assert.equal((await fails(bundle, ["/bin/true"], { cwd: "/proc/nothing" })).code, "not_found");
  },
);

test("a process gets its terminal, its size, and the console", here, async () => {
  await using bundle = new Bundle();
  const terminal = {
    terminal: true,
    change: withProcess({ terminal: true, consoleSize: { width: 90, height: 33 } }),
  };
  const script = "tty; stty size; ls -l /dev/console | head -c 10; echo; stat -c %t /dev/console;" +
    "id -u; echo again > /dev/tty; ps -o pid,tty,args | grep ps";
  const { process, stdout, stderr } = await bundle.create(["/bin/sh", "-c", script], {
    ...terminal,
    uid: 1000,
  });
  close(stdout);
  close(stderr);
  process.start();
  const output = terminalOutput(process.console!);
  waitFor(process.pid, { block: true });
  const lines = output.split("\r\n");
  assert.equal(lines[0], "/dev/pts/0");
  assert.equal(lines[1], "33 90");
  assert.match(lines[2]!, /^crw-?/);
  assert.equal(lines[3], "88"); // major 136
  assert.deepEqual(lines.slice(4, 6), ["1000", "again"]);
  assert.ok(output.includes("136,0"), output);
});

/** Read a master until the last slave is closed, which it reports as EIO. */
function terminalOutput(fd: number): string {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (true) {
    const got = sys(SYS.read, fd, buffer, buffer.length);
    if (got <= 0) break;
    text += new TextDecoder().decode(buffer.subarray(0, got));
  }
  close(fd);
  return text;
}

/** Exits with its effective user id. */
const WHO = {
  x86_64: "b86b0000000f0589c7b8e70000000f05", // geteuid, exit_group
  aarch64: "e81580d2010000d4c80b80d2010000d4",
};

test("set-user-id programs gain nothing with no_new_privs", here, async () => {
  await using bundle = new Bundle();
  const program = join(bundle.rootfs, "bin/who");
  const code = Uint8Array.from(WHO[arch].match(/../g)!, (byte) => parseInt(byte, 16));
  writeFileSync(program, staticElf(arch, code));
  chownSync(program, 200, 0);
  chmodSync(program, 0o4755);
  const tried = async (...securityOpt: string[]) =>
    (await bundle.run(["/bin/who"], { uid: 100, gid: 100, securityOpt })).exitCode;
  assert.equal(await tried(), 200);
  assert.equal(await tried("no-new-privileges"), 100);
});
