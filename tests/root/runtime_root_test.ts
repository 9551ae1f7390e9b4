/**
 * How a container comes to its root, and what others see of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciNamespace, OciSpec } from "../../src/oci/mod.ts";
import { close, kill, waitFor } from "../../src/program/mod.ts";
import { Bundle, inUserNamespace, traces, type Variation } from "../fixtures/bundle.ts";
import { until } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

const propagation = (rootfsPropagation: string): Variation => ({
  change: (spec) => ({ ...spec, linux: { ...spec.linux, rootfsPropagation } }),
});
const withNamespaces = (change: (all: readonly OciNamespace[]) => OciNamespace[]) =>
(
  spec: OciSpec,
): OciSpec => ({
  ...spec,
  linux: { ...spec.linux, namespaces: change(spec.linux!.namespaces!) },
});

test("the root's mounts propagate as they are told to, and never to the host", here, async () => {
  await using bundle = new Bundle();
  // A shared mount of the host, in which the root file system is.
  execFileSync("mount", ["--bind", bundle.dir, bundle.dir]);
  execFileSync("mount", ["--make-shared", bundle.dir]);
  try {
    mkdirSync(join(bundle.rootfs, "t"));
    const before = traces();
    const spread = async (name: string) => {
      const mounts = [{ type: "tmpfs", destination: "/t" }];
      const created = await bundle.create(["/bin/true"], { mounts, ...propagation(name) });
      const info = readFileSync(`/proc/${created.process.pid}/mountinfo`, "utf8");
      assert.equal(traces().mounts, before.mounts, name);
      created.process.abandon();
      close(created.stdout);
      close(created.stderr);
      return ["/", "/t"].map((place) => {
        const line = info.split("\n").find((line) => line.split(" ")[4] === place)!;
        return /(shared|master|unbindable)(?=:| )/.exec(line)?.[0] ?? "private";
      }).join();
    };
    assert.equal(await spread("shared"), "shared,private");
    assert.equal(await spread("rshared"), "shared,shared");
    assert.equal(await spread("private"), "private,private");
    assert.equal(await spread("rprivate"), "private,private");
    assert.match(await spread("slave"), /^(private|master),private$/);
    assert.match(await spread("rslave"), /^master,private$/);
    assert.equal(await spread("unbindable"), "unbindable,private");
    assert.equal(await spread("runbindable"), "unbindable,unbindable");
    await bundle.destroy();
    assert.deepEqual(traces(), before);
  } finally {
    execFileSync("umount", [bundle.dir]);
  }
});

test("a root that is moved over the host's hides it", here, async () => {
  await using bundle = new Bundle();
  const before = traces();
  const { stdout, stderr, exitCode } = await bundle.sh(
    "ls / | head -3; readlink /proc/self/root; wc -c < /proc/interrupts; echo x > /proc/sys/kernel/panic;" +
      "cut -d' ' -f5 /proc/self/mountinfo | grep -c '^/$'",
    { create: { noPivot: true } },
  );
  assert.equal(exitCode, 0, stderr);
  assert.equal(stdout, "bin\ndev\netc\n/\n0\n1\n");
  assert.match(stderr, /panic: Read-only file system/);
  assert.deepEqual(traces(), before);
});

test("nor does it leave a /proc by which the masks could be circumvented", here, async () => {
  await using bundle = new Bundle();
  // In a user namespace the kernel allows a new procfs only if an old one is seen whole.
  const attack = "unshare -U -r -m -p -f sh -c 'mount -t proc proc /tmp && echo unmasked'";
  const { stdout, stderr } = await bundle.sh(attack, {
    create: { noPivot: true },
    securityOpt: ["seccomp=unconfined"],
  });
  assert.equal(stdout, "");
  assert.match(stderr, /mount: .*(denied|permitted)/);
});

test("a moved root works in a user namespace, and not with private propagation", here, async () => {
  await using bundle = new Bundle();
  execFileSync("chown", ["-R", "100000:100000", bundle.dir]);
  const create = { noPivot: true };
  const { stdout, stderr } = await bundle.sh("id -u; ls -d /proc/self/fd", {
    create,
    change: inUserNamespace,
  });
  assert.equal(stdout, "0\n/proc/self/fd\n", stderr);
  await assert.rejects(
    bundle.run(["/bin/true"], { create, ...propagation("rprivate") }),
    /a private root is not safe without pivot_root/,
  );
});

test("in a mount namespace that is joined a container has its own root too", here, async () => {
  await using bundle = new Bundle();
  const other = spawn("unshare", ["--mount", "sleep", "30"]);
  try {
    const inode = (pid: number) => readlinkSync(`/proc/${pid}/ns/mnt`);
    await until("the namespace", () => inode(other.pid!) !== inode(process.pid));
    const joined = inode(other.pid!);
    const { stdout, stderr } = await bundle.sh(
      "readlink /proc/self/ns/mnt; ls -d /bin /new /work",
      {
        mounts: [{ type: "tmpfs", destination: "/new" }],
        change: withNamespaces((all) => [
          ...all.filter(({ type }) => type !== "mount"),
          { type: "mount", path: `/proc/${other.pid}/ns/mnt` },
        ]),
      },
    );
    assert.equal(stdout, `${joined}\n/bin\n/new\n`, stderr);
  } finally {
    other.kill("SIGKILL");
  }
});

test("a container in the host's mount namespace has its root by chroot", here, async () => {
  await using bundle = new Bundle();
  const host = (more: Partial<OciSpec["linux"]>) => (spec: OciSpec): OciSpec => {
    const namespaces = spec.linux!.namespaces!.filter(({ type }) => type !== "mount");
    return { ...spec, linux: { ...spec.linux, namespaces, ...more } };
  };
  try {
    const { stdout, stderr } = await bundle.sh(
      "readlink /proc/self/ns/mnt; ls / | head -2; touch /tmp/x; ls /dev/null",
      { change: host({ maskedPaths: [], readonlyPaths: [] }) },
    );
    assert.equal(stdout, `${readlinkSync("/proc/self/ns/mnt")}\nbin\ndev\n/dev/null\n`, stderr);
    assert.ok(existsSync(join(bundle.rootfs, "tmp/x")));
  } finally {
    execFileSync("umount", ["-l", bundle.rootfs]);
  }
  await assert.rejects(
    bundle.run(["/bin/true"], { change: host({}) }),
    /without a private MNT namespace/,
  );
});

test("what is mounted for a container in its own namespace ends with it", here, async () => {
  await using bundle = new Bundle();
  const created = await bundle.create(["/bin/true"], { create: { noPivot: true } });
  created.process.start();
  waitFor(created.process.pid, { block: true });
  close(created.stdout);
  close(created.stderr);
  assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(bundle.dir));
});

test("an added process has the container's root, however that came to it", here, async () => {
  await using bundle = new Bundle();
  mkdirSync(join(bundle.rootfs, "here"));
  const paths = { maskedPaths: [], readonlyPaths: [] };
  const chroot = (spec: OciSpec): OciSpec => ({
    ...spec,
    linux: {
      ...withNamespaces((all) => all.filter(({ type }) => type !== "mount"))(spec).linux,
      ...paths,
    },
  });
  for (const change of [chroot, (spec: OciSpec) => spec]) {
    const more = { change, create: { noPivot: true } };
    const created = await bundle.create(["/bin/sleep", "30"], more);
    created.process.start();
    try {
      const spec = bundle.spec([], more);
      const process = { ...spec.process!, args: ["/bin/ls", "-d", "/here", "/root/../../here"] };
      const { stdout, stderr } = await bundle.exec({ pid: created.process.pid, spec, process });
      assert.equal(stdout, "/here\n/root/../../here\n", stderr);
    } finally {
      kill(created.process.pid, 9);
      waitFor(created.process.pid, { block: true });
      close(created.stdout);
      close(created.stderr);
      await bundle.destroy();
      if (change === chroot) execFileSync("umount", ["-l", bundle.rootfs]);
    }
  }
});
