import assert from "node:assert/strict";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AT, CLONE, MS, O } from "../../src/linux/mod.ts";
import { close, explain, pipe, ProgramBuilder, spawn, waitFor } from "../../src/program/mod.ts";
import { exec } from "../../src/runtime/mod.ts";
import { labelSteps, privateProcSteps } from "../../src/runtime/proc_steps.ts";
import { end, inPlainRoot } from "../fixtures/attack.ts";
import { Bundle } from "../fixtures/bundle.ts";
import { bound, fakeProc, IS_SET, setParameter, writtenIn } from "../fixtures/fake_proc.ts";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

// runc: what it writes to files of /proc, labels and kernel parameters, went to other files of /proc,
// or nowhere, where a container had mounted them over those.

const here = needs("root", "cgroup", "file:/bin/busybox");
const PARAMETER = "/proc/sys/net/ipv4/ip_forward";

test("CVE-2025-52881: a file mounted over a kernel parameter is not written to", here, async () => {
  await using bundle = new Bundle();
  const other = join(bundle.rootfs, "etc/other");
  writeFileSync(other, "other");
  inPlainRoot(bundle, ["/bin/true"], (p) => {
    p.step("mount", ["/etc/other", PARAMETER, 0, MS.MS_BIND, 0]);
    const fd = p.step("openat", [AT.AT_FDCWD, PARAMETER, O.O_WRONLY, 0]);
    p.step("write", [fd, "redirected", 10]);
  });
  assert.equal(readFileSync(other, "utf8"), "redirected");

  writeFileSync(other, "other");
  symlinkSync(PARAMETER, join(bundle.rootfs, "link"));
  assert.deepEqual(await setParameter(bundle, [bound(other, "/link")]), IS_SET);
  assert.equal(readFileSync(other, "utf8"), "other");
  // A file of procfs itself in its place.
  const another = "/proc/sys/net/ipv4/ip_default_ttl";
  assert.deepEqual(await setParameter(bundle, [bound(another, "/link")]), IS_SET);
});

test("CVE-2025-52881: labels are written to a procfs that nobody can mount on", async () => {
  const p = new ProgramBuilder("test");
  const about = { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } };
  const process = { ...about, apparmorProfile: "docker-default", selinuxLabel: "a:b:c:s0" };
  labelSteps(p, privateProcSteps(p), process, new Set(["apparmor", "selinux"]));
  const lines = (await explain(p)).trim().split("\n");
  const how = "flags=O_WRONLY|O_CLOEXEC, " +
    "resolve=RESOLVE_NO_XDEV|RESOLVE_NO_MAGICLINKS|RESOLVE_BENEATH";
  const opened = lines.filter((line) => / openat2?\(/.test(line));
  assert.equal(opened.length, 2, lines.join("\n"));
  for (const line of opened) {
    assert.ok(line.includes("openat2(#2,") && line.includes(how), line);
  }
});

test("CVE-2025-52881: nor is who joins a mount namespace misled", here, async () => {
  await using bundle = new Bundle();
  const fake = join(bundle.dir, "fake");
  fakeProc(fake);
  const p = new ProgramBuilder("hostile mount namespace");
  const [read, write] = pipe();
  p.step("close", [write]);
  p.step("mount", [0, "/", 0, MS.MS_REC | MS.MS_PRIVATE, 0]);
  p.step("mount", [fake, "/proc", 0, MS.MS_BIND, 0]);
  p.waitForGo(read);
  const child = spawn(p, { flags: CLONE.CLONE_NEWNS });
  close(read);
  try {
    await until(
      "its mount",
      () => readFileSync(`/proc/${child.pid}/mountinfo`, "utf8").includes("/fake /proc"),
    );
    const path = `/proc/${child.pid}/ns/mnt`;
    const { stdout, stderr } = await bundle.run(["/bin/cat", "/proc/uptime"], {
      sysctl: { "net.ipv4.ip_forward": "1" },
      change: (spec) => ({
        ...spec,
        linux: {
          ...spec.linux!,
          namespaces: [
            ...spec.linux!.namespaces!.filter(({ type }) => type !== "mount"),
            { type: "mount", path },
            { type: "time" },
          ],
          timeOffsets: { boottime: { secs: 86_400_000 } },
        },
      }),
    });
    assert.ok(Number(stdout.split(" ")[0]) > 86_400_000, stderr);
    assert.deepEqual(writtenIn(fake), []);
  } finally {
    close(write);
    waitFor(child.pid, { block: true });
    close(child.pidfd);
    child.free();
  }
});

test("CVE-2025-52881: nor is what is added to a container misled", here, async () => {
  await using bundle = new Bundle();
  const more = { capAdd: ["SYS_ADMIN"], securityOpt: ["seccomp=unconfined"] };
  fakeProc(join(bundle.rootfs, "fake"));
  const args = ["/bin/sh", "-c", "mount -o bind /fake /proc && exec sleep 60"];
  const spec = bundle.spec(args, more);
  const created = await bundle.create(args, more);
  try {
    created.process.start();
    const { pid } = created.process;
    await until(
      "its mount",
      () => readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes("/fake /proc"),
    );
    const stdio = { stdin: 0, stdout: 1, stderr: 2 };
    const added = { ...spec.process!, args: ["/bin/true"], oomScoreAdj: 321 };
    const joining = await exec({ pid, spec, process: added, stdio });
    assert.equal(readFileSync(`/proc/${joining.pid}/oom_score_adj`, "utf8"), "321\n");
    joining.abandon();
    assert.deepEqual(writtenIn(join(bundle.rootfs, "fake")), []);
  } finally {
    end(created);
  }
});
