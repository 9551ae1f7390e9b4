import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { F, O } from "../../src/linux/mod.ts";
import { ProgramBuilder, spawn } from "../../src/program/mod.ts";
import { exec } from "../../src/runtime/mod.ts";
import { Child, Rendezvous } from "../../src/runtime/process.ts";
import { end, installProgram, plainly } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

// runc: a process that joins a container could be traced by the container's processes before it had
// executed, and had descriptors of the host open, through which they came out.

const here = needs("root", "cgroup", "file:/bin/busybox");

test("CVE-2016-9962: a process that joins cannot be traced, nor looked into", here, async () => {
  await using bundle = new Bundle();
  installProgram("seize", join(bundle.rootfs, "bin/seize"));
  const args = ["/bin/sleep", "60"];
  const more = { securityOpt: ["seccomp=unconfined"] };
  const spec = bundle.spec(args, more);
  const created = await bundle.create(args, more);
  const { pid } = created.process;
  created.process.start();
  const add = (...args: string[]) =>
    bundle.exec({ pid, spec, process: { ...spec.process!, args } });
  const joining = await exec({
    pid,
    spec,
    process: { ...spec.process!, args: ["/bin/true"] },
    stdio: { stdin: 0, stdout: 1, stderr: 2 },
  });
  try {
    const inside =
      /NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${joining.pid}/status`, "utf8"))![1];
    // It has the same user and the same capabilities as they have, as the first process has.
    assert.equal((await add("/bin/seize")).exitCode, 1, "the first process alone");
    const look = (pid: string) =>
      add(
        "/bin/sh",
        "-c",
        `cd /proc/${pid}; for fd in fd/*; do readlink $fd; done; readlink exe; readlink root; readlink cwd; readlink ns/net;
        head -c 1 environ; cat maps; head -c 1 mem`,
      );
    const open = await look("1");
    assert.match(open.stdout, /^(pipe:.*\n){3}\/bin\/busybox\n\/\n\/\nnet:/);
    const shut = await look(inside!);
    assert.equal(shut.stdout, "");
    assert.equal(shut.stderr.match(/denied/g)?.length, 3, shut.stderr);
  } finally {
    joining.abandon();
    end(created);
  }
});

test("CVE-2016-9962: no descriptor of the host is left to a process that joins", here, async () => {
  await using bundle = new Bundle();
  const args = ["/bin/sleep", "60"];
  const spec = bundle.spec(args);
  const host = openSync("/", O.O_RDONLY);
  plainly("fcntl", host, F.F_SETFD, 0);
  const created = await bundle.create(args);
  try {
    created.process.start();
    const { pid } = created.process;
    const list = { ...spec.process!, args: ["/bin/ls", "/proc/self/fd", "/proc/1/fd"] };
    const { stdout } = await bundle.exec({ pid, spec, process: list });
    assert.equal(stdout, "/proc/1/fd:\n0\n1\n2\n\n/proc/self/fd:\n0\n1\n2\n3\n");
  } finally {
    end(created);
    closeSync(host);
  }
});

test("CVE-2016-9962: nor is a process id believed that it may have been made to tell", here, () => {
  for (const pid of [1, -1, process.pid]) {
    const p = new ProgramBuilder("test");
    p.step("exit_group", [0]);
    const spawned = spawn(p);
    const child = new Child({ ...spawned, result: () => pid }, new Rendezvous());
    assert.throws(() => child.follow({ step: 0 }), { code: "internal" });
  }
});
