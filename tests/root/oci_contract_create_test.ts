/**
 * What the callers of an OCI runtime (conmon, containerd's shim, BuildKit) rely on: `create`, the
 * process that it makes, and what that process gets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, linkSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciSpec } from "../../src/oci/mod.ts";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import {
  childrenOf,
  exitOf,
  IS_CTR_OCI,
  OciRuntime,
  processStatus,
} from "../fixtures/oci_command.ts";

const here = needs("root", "cgroup", "file:/bin/busybox", "cmd:setpriv");

test(
  "contract 1: create returns when hooks have run and the process waits, start lets it go",
  here,
  async () => {
    await using oci = new OciRuntime();
    const log = join(oci.dir, "log");
    const hook = (
      name: string,
    ) => [{ path: "/bin/sh", args: ["sh", "-c", `echo ${name} >> ${log}`] }];
    oci.configure(["sh", "-c", "hostname; ls /tmp"], {
      change: (spec: OciSpec) => ({
        ...spec,
        hooks: {
          prestart: hook("prestart"),
          createRuntime: hook("createRuntime"),
          createContainer: hook("createContainer"),
          startContainer: [{ path: "/bin/touch", args: ["touch", "/tmp/hook"] }],
        },
      }),
    });
    const pid = await oci.create();
    assert.equal(readFileSync(log, "utf8"), "prestart\ncreateRuntime\ncreateContainer\n");
    for (const namespace of ["mnt", "uts", "pid", "ipc", "net"]) {
      const inode = (path: string) => statSync(`/proc/${path}/ns/${namespace}`).ino;
      assert.notEqual(inode(`${pid}`), inode("self"), namespace);
    }
    assert.match(
      readFileSync(`/proc/${pid}/cgroup`, "utf8"),
      new RegExp(`${oci.bundle.cgroup}$`, "m"),
    );
    assert.ok(existsSync(`/proc/${pid}/root/bin/busybox`), "its root is the bundle's");
    assert.deepEqual(oci.written, { stdout: "", stderr: "" });
    await oci.start();
    assert.equal(await exitOf(pid), 0);
    assert.deepEqual(oci.written, { stdout: "inside\nhook\n", stderr: "" });
  },
);

test("contract 1: poststart hooks find the program executed when start has called them", {
  skip: here.skip || (IS_CTR_OCI ? false : "runc 1.1 calls them in create"),
}, async () => {
  await using oci = new OciRuntime();
  const log = join(oci.dir, "log");
  const script = `pid=$(tr , '\\n' | sed -n 's/.*"pid": *//p'); cat /proc/$pid/comm >${log}`;
  oci.configure(["sleep", "100"], {
    change: (spec) => ({
      ...spec,
      hooks: {
        poststart: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"] }],
      },
    }),
  });
  await oci.create();
  assert.equal(existsSync(log), false);
  await oci.start();
  assert.equal(readFileSync(log, "utf8"), "sleep\n");
});

test(
  "contract 1: the process is the child of the next subreaper, and nobody is between them",
  here,
  async () => {
    await using oci = new OciRuntime();
    oci.configure(["sleep", "100"]);
    const pid = await oci.create();
    assert.equal(processStatus(pid, "PPid"), `${process.pid}`);
    await oci.start();
    await oci.ok(["exec", "--detach", "--pid-file", join(oci.dir, "pid"), oci.id, "sleep", "100"]);
    const added = readFileSync(join(oci.dir, "pid"), "utf8");
    assert.equal(processStatus(Number(added), "PPid"), `${process.pid}`);
    assert.deepEqual(childrenOf(process.pid), [pid, Number(added)]);
  },
);

test(
  "contract 1: the process outlives a runtime that is to die with its parent",
  here,
  async () => {
    await using oci = new OciRuntime();
    oci.configure(["sh", "-c", "echo alive"]);
    const ended = await oci.toEnd([], { through: "setpriv --pdeathsig KILL --" });
    assert.deepEqual(ended, { code: 0, signal: null, stdout: "alive\n", stderr: "" });
  },
);

test("contract 2: the streams are the caller's own", here, async () => {
  await using oci = new OciRuntime();
  const inodesOf = "for fd in 0 1 2; do stat -L -c %i /proc/1/fd/$fd; done";
  oci.configure(["sh", "-c", `cat; inodes=$(${inodesOf}); echo "$inodes" >&2`]);
  const { stdout, stderr } = await oci.toEnd([], { stdin: "read from stdin\n" });
  assert.equal(stdout, "read from stdin\n");
  const inodes = ["in", "out", "err"].map((end) => statSync(join(oci.dir, `${oci.id}.${end}`)).ino);
  assert.equal(stderr, inodes.map((inode) => `${inode}\n`).join(""));
});

const LIST_FDS = ["sh", "-c", "for fd in /proc/self/fd/*; do readlink $fd; done"];
const OPEN_FDS = "exec 3<./three 4<./four 5<./five";

/** Descriptors above 2 that a container's process sees, by the files that they are of. */
function extraFiles(stdout: string): string[] {
  return stdout.split("\n").flatMap((line) => /\/(three|four|five)$/.exec(line)?.[1] ?? []);
}

test("contract 2: no descriptor is left but those to be preserved", here, async () => {
  const seen: string[][] = [];
  const lines: number[] = [];
  for (const flags of [[], ["--preserve-fds", "1"], ["--preserve-fds=2"]]) {
    await using oci = new OciRuntime();
    for (const name of ["three", "four", "five"]) writeFileSync(join(oci.dir, name), "");
    oci.configure(LIST_FDS);
    const { stdout } = await oci.toEnd(flags, { before: OPEN_FDS, cwd: oci.dir });
    seen.push(extraFiles(stdout));
    lines.push(stdout.trim().split("\n").length);
  }
  assert.deepEqual(seen, [[], ["three"], ["three", "four"]]);
  assert.deepEqual(lines.map((n) => n - lines[0]!), [0, 1, 2], "and nothing else");
});

test("contract 2: sockets that the caller listens on are handed over", here, async () => {
  await using oci = new OciRuntime();
  for (const name of ["three", "four", "five"]) writeFileSync(join(oci.dir, name), "");
  oci.configure(["sh", "-c", `echo $LISTEN_FDS $LISTEN_PID; ${LIST_FDS[2]}`]);
  const before = `${OPEN_FDS}; export LISTEN_FDS=2 LISTEN_PID=$$`;
  const { stdout } = await oci.toEnd([], { before, cwd: oci.dir });
  assert.match(stdout, /^2 1\n/);
  assert.deepEqual(extraFiles(stdout), ["three", "four"]);
});

test("contract 4: a pid file is a number, and put in place whole", here, async () => {
  await using oci = new OciRuntime();
  oci.configure(["sleep", "100"]);
  const file = join(oci.dir, "pid");
  writeFileSync(file, "what another process had");
  linkSync(file, `${file}.old`);
  const pid = await oci.create(["--pid-file", file]);
  assert.equal(readFileSync(file, "utf8"), `${pid}`);
  assert.equal(readFileSync(`${file}.old`, "utf8"), "what another process had");
  await oci.start();
  await oci.ok(["exec", "--detach", `--pid-file=${file}`, oci.id, "sleep", "100"]);
  const added = readFileSync(file, "utf8");
  assert.match(added, /^\d+$/);
  assert.match(processStatus(Number(added), "NSpid"), /^\d+\s+\d+$/);
  await oci.ok(["delete", "--force", oci.id]);
  oci.configure(["/no/such/program"]);
  await oci.call(["create", "--bundle", oci.dir, "--pid-file", `${file}.none`, oci.id]);
  assert.equal(existsSync(`${file}.none`), false, "none for a process that is not there");
  await until(
    "the end of both",
    () => !existsSync(`/proc/${pid}/ns/pid`) && !existsSync(`/proc/${added}/ns/pid`),
  );
});
