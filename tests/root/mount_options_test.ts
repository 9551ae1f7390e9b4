/**
 * What the options of mounts do, as the container sees it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { OciMount } from "../../src/oci/mod.ts";
import { Bundle, inUserNamespace } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** A tmpfs of the host with these options, while `work` runs. */
async function mounted(
  bundle: Bundle,
  options: string,
  work: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = join(bundle.dir, "source");
  mkdirSync(dir, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "ctr-test", dir]);
  try {
    await work(dir);
  } finally {
    execFileSync("umount", [dir]);
  }
}

/** What the container says of its mount at `/m`: attributes, then what the file system says. */
async function attributes(
  bundle: Bundle,
  mount: Partial<OciMount>,
  more: Parameters<Bundle["sh"]>[1] = {},
): Promise<string> {
  const whole = { type: "bind", destination: "/m", ...mount };
  const script = "grep ' /m ' /proc/self/mountinfo";
  const { stdout, stderr } = await bundle.sh(script, { mounts: [whole], ...more });
  assert.equal(stderr, "");
  return stdout.split(" ")[5]!;
}

test(
  "a bind mount has the attributes that are said, and with none said its source's",
  here,
  async () => {
    await using bundle = new Bundle();
    await mounted(bundle, "nosuid,noexec,noatime", async (source) => {
      const said = (...options: string[]) => attributes(bundle, { source, options });
      assert.equal(await said("rbind"), "rw,nosuid,noexec,noatime");
      assert.equal(await said("ro"), "ro,noatime");
      assert.equal(await said("rw", "nodev"), "rw,nodev,noatime");
      assert.equal(await said("remount", "ro"), "ro,nosuid,noexec,noatime");
      assert.equal(await said("nosuid", "relatime"), "rw,nosuid,relatime");
      assert.equal(await said("strictatime", "nodiratime", "noexec"), "rw,noexec,nodiratime");
      assert.equal(await said("nosymfollow", "atime"), "rw,relatime,nosymfollow");
    });
  },
);

test("in a user namespace a bind mount keeps what its source's mount forbids", here, async () => {
  await using bundle = new Bundle();
  execFileSync("chown", ["-R", "100000:100000", bundle.dir]);
  chmodSync(bundle.dir, 0o755); // or the host would open it for the container
  await mounted(bundle, "nosuid,nodev,noatime,mode=755", async (source) => {
    const said = (...options: string[]) =>
      attributes(bundle, { source, options }, { change: inUserNamespace });
    assert.equal(await said("ro"), "ro,nosuid,nodev,noatime");
    assert.equal(await said("rw", "noexec"), "rw,nosuid,nodev,noexec,noatime");
    await assert.rejects(said("dev"), /cannot set mount attributes "\/m": .*EPERM/);
  });
});

test("recursive attributes reach what is mounted below the source", here, async () => {
  await using bundle = new Bundle();
  await mounted(bundle, "mode=755", async (source) => {
    mkdirSync(join(source, "sub"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "nosuid", "ctr-test", join(source, "sub")]);
    try {
      const below = async (...options: string[]) => {
        const mounts = [{
          type: "bind",
          source,
          destination: "/m",
          options: ["rbind", ...options],
        }];
        const script = "sed -n 's|.* /m\\(/sub\\)\\? \\([^ ]*\\) .*|\\2|p' /proc/self/mountinfo";
        return (await bundle.sh(script, { mounts })).stdout.trim().split("\n");
      };
      assert.deepEqual(await below("rro"), ["ro,relatime", "ro,nosuid,relatime"]);
      assert.deepEqual(await below("rsuid", "rnodev", "rnoexec"), [
        "rw,nodev,noexec,relatime",
        "rw,nodev,noexec,relatime",
      ]);
      assert.deepEqual(await below("rnoatime", "rnodiratime"), [
        "rw,noatime,nodiratime",
        "rw,nosuid,noatime,nodiratime",
      ]);
      assert.deepEqual(await below("rstrictatime", "rnosymfollow"), [
        "rw,nosymfollow",
        "rw,nosuid,nosymfollow",
      ]);
      assert.deepEqual(await below("ro", "rrw", "rnorelatime"), [
        "rw,relatime",
        "rw,nosuid,relatime",
      ]);
    } finally {
      execFileSync("umount", [join(source, "sub")]);
    }
  });
});

test("a read-only tmpfs takes the mounts below it first", here, async () => {
  await using bundle = new Bundle();
  mkdirSync(join(bundle.dir, "data"));
  writeFileSync(join(bundle.dir, "data/file"), "content\n");
  const { stdout, stderr } = await bundle.sh("cat /t/below/file; touch /t/x", {
    mounts: [
      { type: "tmpfs", destination: "/t", options: ["ro"] },
      { type: "bind", source: "data", destination: "/t/below", options: ["rbind"] },
    ],
  });
  assert.equal(stdout, "content\n");
  assert.match(stderr, /\/t\/x: Read-only file system/);
});

test("what is mounted over a read-only tmpfs is what it says itself", here, async () => {
  await using bundle = new Bundle();
  const tmpfs = (destination: string, ...options: string[]) => ({
    type: "tmpfs",
    destination,
    options,
  });
  const { stdout, stderr } = await bundle.sh("touch /a/x /b/c/x && ls /a /b/c", {
    change: (spec) => ({
      ...spec,
      mounts: [
        ...spec.mounts!,
        ...[tmpfs("/a", "ro"), tmpfs("/a", "rw")],
        ...[tmpfs("/b/c", "ro"), tmpfs("/b"), tmpfs("/b/c")],
      ],
    }),
  });
  assert.equal(stdout, "/a:\nx\n\n/b/c:\nx\n", stderr);
});

test("a read-only /dev has its devices and the terminal", here, async () => {
  await using bundle = new Bundle();
  const dev = { type: "tmpfs", destination: "/dev", options: ["nosuid", "ro", "mode=755"] };
  const { stdout, stderr } = await bundle.sh("ls -d /dev/null /dev/fd; touch /dev/x", {
    mounts: [dev],
  });
  assert.equal(stdout, "/dev/fd\n/dev/null\n");
  assert.match(stderr, /Read-only file system/);
});

test("a tmpfs has the mode of what it hides, or what it is told", here, async () => {
  await using bundle = new Bundle();
  mkdirSync(join(bundle.rootfs, "hidden"));
  chmodSync(join(bundle.rootfs, "hidden"), 0o2710);
  const tmpfs = (destination: string, ...options: string[]) => ({
    type: "tmpfs",
    destination,
    options,
  });
  const { stdout } = await bundle.sh("stat -c %a /hidden /told /new", {
    mounts: [tmpfs("/hidden"), tmpfs("/told", "mode=700"), tmpfs("/new", "size=1m")],
  });
  assert.equal(stdout, "2710\n700\n1777\n");
});

test("destinations are made absolute and lead nowhere above the root", here, async () => {
  await using bundle = new Bundle();
  const tmpfs = (destination: string) => ({ type: "tmpfs", destination });
  const { stdout } = await bundle.sh("grep -o ' /[abc]/x ' /proc/mounts", {
    mounts: [tmpfs("a/x"), tmpfs("/../../b//./x"), tmpfs("/c/d/../x/")],
  });
  assert.equal(stdout, " /a/x \n /c/x \n /b/x \n");
});

test("nothing is mounted over the root, and /proc through no link", here, async () => {
  await using bundle = new Bundle();
  for (const destination of ["/", "", "/a/..", "//"]) {
    await assert.rejects(
      bundle.run(["/bin/true"], { mounts: [{ type: "tmpfs", destination }] }),
      { code: "invalid_argument" },
    );
  }
  symlinkSync("/tmp", join(bundle.rootfs, "proc"));
  await assert.rejects(
    bundle.run(["/bin/true"]),
    /cannot open target "\/proc": not a directory \(ENOTDIR\)/,
  );
});

test("a remount changes what is mounted there", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh("grep ' /m ' /proc/mounts", {
    mounts: [
      { type: "tmpfs", destination: "/m", options: ["size=1m", "nosuid"] },
      { type: "none", destination: "/m", options: ["remount", "noexec", "size=2m"] },
    ],
  });
  assert.match(stdout, /^tmpfs \/m tmpfs rw,noexec,relatime,size=2048k/);
});
