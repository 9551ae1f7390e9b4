import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import type { OciProcess, OciSpec } from "../../src/oci/mod.ts";
import { close, kill, waitFor } from "../../src/program/mod.ts";
import { cgroupVersion } from "../../src/runtime/mod.ts";
import { Bundle, type Ran, traces, type Variation } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** A container that sleeps, and a way to run things in it. */
async function running(
  bundle: Bundle,
  work: (
    add: (args: readonly string[], more?: Partial<OciProcess>) => Promise<Ran>,
    pid: number,
    spec: OciSpec,
  ) => Promise<void>,
  more: Variation = {},
): Promise<void> {
  const args = ["/bin/sleep", "60"];
  const spec = bundle.spec(args, more);
  const { process, stdout, stderr } = await bundle.create(args, more);
  process.start();
  try {
    await work(
      (args, more = {}) =>
        bundle.exec({ pid: process.pid, spec, process: { ...spec.process!, ...more, args } }),
      process.pid,
      spec,
    );
  } finally {
    kill(process.pid, 9);
    waitFor(process.pid, { block: true });
    close(stdout);
    close(stderr);
    await bundle.destroy();
  }
}

test("an added process is in all of the container's namespaces and cgroups", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add, pid) => {
    const kinds = ["mnt", "pid", "net", "ipc", "uts", "cgroup"];
    const script = kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join("; ");
    const { stdout } = await add(["/bin/sh", "-c", `${script}; cat /proc/1/comm; echo $$`]);
    const lines = stdout.trim().split("\n");
    kinds.forEach((kind, i) => assert.equal(lines[i], readlinkSync(`/proc/${pid}/ns/${kind}`)));
    assert.equal(lines.at(-2), "sleep");
    assert.notEqual(lines.at(-1), "1");
    const inside = await add(["/bin/cat", "/proc/self/cgroup"]);
    assert.ok(!/:(memory|pids):\/\.\./.test(inside.stdout), inside.stdout);
    const directory = `/sys/fs/cgroup${cgroupVersion() === 2 ? "" : "/pids"}`;
    const procs = await add(["/bin/sh", "-c", `cat ${directory}/cgroup.procs | wc -l`]);
    assert.ok(Number(procs.stdout) >= 2);
  });
});

test("an added process has the container's protection", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add) => {
    const { stdout } = await add(["/bin/cat", "/proc/self/status"]);
    assert.match(stdout, /CapEff:\t00000000a80425fb/);
    assert.match(stdout, /CapBnd:\t00000000a80425fb/);
    assert.match(stdout, /Seccomp:\t2/);
    assert.notEqual((await add(["/bin/unshare", "-U", "true"])).exitCode, 0);
    const fds = await add(["/bin/ls", "/proc/self/fd"]);
    assert.equal(fds.stdout, "0\n1\n2\n3\n");
  });
});

test("an added process has its own user, directory, environment and exit code", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add) => {
    const { stdout, exitCode } = await add(["/bin/sh", "-c", "id; pwd; echo $A; exit 42"], {
      user: { uid: 12, gid: 34, additionalGids: [56] },
      cwd: "/tmp",
      env: ["PATH=/bin", "A=1"],
    });
    assert.equal(stdout, "uid=12 gid=34 groups=56\n/tmp\n1\n");
    assert.equal(exitCode, 42);
  });
});

test("an added process has its own limits, whoever it is", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add) => {
    for (const uid of [0, 12]) {
      const { stdout } = await add(["/bin/sh", "-c", "ulimit -n; ulimit -Hn"], {
        user: { uid, gid: uid },
        rlimits: [{ type: "RLIMIT_NOFILE", soft: 4, hard: 5 }],
      });
      assert.equal(stdout, "4\n5\n");
    }
  });
});

test("a failed exec says why, and the container goes on", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add) => {
    await add(["/bin/true"]);
    const before = traces();
    await assert.rejects(add(["nothing"]), { code: "not_found" });
    await assert.rejects(add(["/etc"]), { code: "permission_denied" });
    await assert.rejects(add(["/bin/true"], { cwd: "/not/there" }), {
      code: "not_found",
      message: 'cannot enter working directory "/not/there": no such file or directory (ENOENT)',
    });
    await assert.rejects(add([]), { code: "invalid_argument" });
    assert.deepEqual(traces(), before);
    assert.equal((await add(["/bin/true"])).exitCode, 0);
  });
});

test("exec into a container that has ended says so", here, async () => {
  await using bundle = new Bundle();
  const spec = bundle.spec(["/bin/true"]);
  const { process, stdout, stderr } = await bundle.create(["/bin/true"]);
  process.start();
  waitFor(process.pid, { block: true });
  close(stdout);
  close(stderr);
  const before = traces();
  await assert.rejects(bundle.exec({ pid: process.pid, spec, process: spec.process! }), {
    code: "not_found",
  });
  assert.deepEqual(traces(), before);
});

test("an added process can have a terminal", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (_add, pid, spec) => {
    const { exec } = await import("../../src/runtime/mod.ts");
    const process = await exec({
      pid,
      spec,
      process: { ...spec.process!, terminal: true, args: ["/bin/tty"] },
      stdio: { stdin: 0, stdout: 1, stderr: 2 },
    });
    assert.ok(process.console! > 2);
    process.start();
    assert.equal(waitFor(process.pid, { block: true })!.exitCode, 0);
    close(process.console!);
  });
});

test("many processes are added at once", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add) => {
    await add(["/bin/true"]);
    const before = traces();
    const ran = await Promise.all(
      Array.from({ length: 20 }, (_, i) => add(["/bin/sh", "-c", `exit ${i}`])),
    );
    assert.deepEqual(ran.map(({ exitCode }) => exitCode), Array.from({ length: 20 }, (_, i) => i));
    assert.deepEqual(traces(), before);
  });
});

test("a container that may trace shares no memory with us", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add) => {
    const status = await add(["/bin/cat", "/proc/self/status"]);
    assert.match(status.stdout, /CapEff:\t00000000a80c25fb/);
  }, { capAdd: ["SYS_PTRACE"] });
});

test("a process that nobody starts ends when it is abandoned", here, async () => {
  await using bundle = new Bundle();
  await running(bundle, async (add, pid, spec) => {
    await add(["/bin/true"]);
    const before = traces();
    const { exec } = await import("../../src/runtime/mod.ts");
    const stdio = { stdin: 0, stdout: 1, stderr: 2 };
    const added = await exec({ pid, spec, process: spec.process!, stdio });
    assert.ok(readFileSync(`/proc/${added.pid}/status`, "utf8").includes("NSpid"));
    added.abandon();
    assert.deepEqual(traces(), before);
  });
});
