/**
 * A tmpfs that begins with what the image has at its place.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Bundle, HOST_IDS, inUserNamespace, traces } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

const copyUp = (destination: string, ...options: string[]) => ({
  type: "tmpfs",
  source: "tmpfs",
  destination,
  options: ["tmpcopyup", ...options],
});

/** A bundle whose image has files of all kinds in `/data`, which belong to `base` and users after it. */
function withData(base = 0): Bundle {
  const bundle = new Bundle();
  const data = join(bundle.rootfs, "data");
  mkdirSync(join(data, "dir/deep"), { recursive: true });
  const file = (name: string, content: string, id: number, mode: number) => {
    writeFileSync(join(data, name), content);
    chownSync(join(data, name), base + id, base + id);
    chmodSync(join(data, name), mode);
    utimesSync(join(data, name), 1_000_000_000, 1_000_000_001);
  };
  execFileSync("chown", ["-R", `${base}:${base}`, bundle.rootfs]);
  file("five", "content\n", 5, 0o640);
  file("suid", "", 0, 0o4755);
  file("dir/large", "x".repeat(3_000_000), 0, 0o444);
  file("dir/deep/\u00e4 b", "deep\n", 0, 0o644);
  symlinkSync("/etc/nothing", join(data, "link"));
  lchownSync(join(data, "link"), base + 7, base + 7);
  execFileSync("mkfifo", ["-m", "620", join(data, "fifo")]);
  chownSync(join(data, "fifo"), base, base);
  chmodSync(join(data, "dir/deep"), 0o555);
  chmodSync(data, 0o2751);
  return bundle;
}

const LOOK =
  "cd /data; grep -c ' /data tmpfs ' /proc/mounts; stat -c '%n %F %u:%g %a %Y' five suid link;" +
  "stat -c '%n %F %u:%g %a' . fifo dir/deep; cat five dir/deep/*; wc -c < dir/large; readlink link; touch new";
const SEEN =
  "1\nfive regular file 5:5 640 1000000001\nsuid regular empty file 0:0 4755 1000000001\n" +
  "link symbolic link 7:7 777 TIME\n. directory 0:0 2751\nfifo fifo 0:0 620\n" +
  "dir/deep directory 0:0 555\ncontent\ndeep\n3000000\n/etc/nothing\n";
const timeless = (text: string) => text.replace(/(link 7:7 777) \d+/, "$1 TIME");

test(
  "tmpcopyup: owners, modes, times and content are the image's, and the image stays",
  here,
  async () => {
    await using bundle = withData();
    await bundle.run(["/bin/true"]);
    const before = traces();
    const mounts = [copyUp("/data", "nosuid")];
    const { stdout, stderr } = await bundle.sh(LOOK, { mounts });
    assert.equal(timeless(stdout), SEEN, stderr);
    assert.equal((await bundle.sh("ls /data/new", { mounts: [] })).exitCode, 1);
    assert.deepEqual(traces(), before);
  },
);

test("tmpcopyup: in a user namespace the ids are those inside", here, async () => {
  await using bundle = withData(HOST_IDS);
  execFileSync("chown", [`${HOST_IDS}:${HOST_IDS}`, bundle.dir]);
  // Root's of the host, who is nobody inside.
  writeFileSync(join(bundle.rootfs, "data/alien"), "");
  const { stdout, stderr } = await bundle.sh(`${LOOK}; stat -c %u:%g alien`, {
    mounts: [copyUp("/data")],
    change: inUserNamespace,
  });
  assert.equal(timeless(stdout), `${SEEN}65534:0\n`, stderr);
});

test("tmpcopyup: mounts that come later find the copy, and its links", here, async () => {
  await using bundle = withData();
  symlinkSync("../tmp", join(bundle.rootfs, "data/to-tmp"));
  mkdirSync(join(bundle.dir, "source"));
  writeFileSync(join(bundle.dir, "source/file"), "mounted\n");
  const { stdout, stderr } = await bundle.sh("cat /tmp/below/file /data/five; touch /data/x", {
    mounts: [
      copyUp("/data", "ro", "mode=700", "size=8m"),
      { type: "bind", source: "source", destination: "/data/to-tmp/below", options: ["bind"] },
    ],
  });
  assert.equal(stdout, "mounted\ncontent\n", stderr);
  assert.match(stderr, /x: Read-only file system/);
});

test("tmpcopyup: what is mounted below is not copied, and links lead nowhere", here, async () => {
  await using bundle = withData();
  mkdirSync(join(bundle.rootfs, "data/host"));
  writeFileSync(join(bundle.dir, "secret"), "secret\n");
  symlinkSync(join(bundle.dir, "secret"), join(bundle.rootfs, "data/leak"));
  const { stdout } = await bundle.sh(
    "ls /data/host; cat /data/leak /new/* 2>/dev/null; ls -d /new",
    {
      change: (spec) => ({
        ...spec,
        mounts: [
          ...spec.mounts!,
          { type: "bind", source: bundle.dir, destination: "/data/host", options: ["bind"] },
          copyUp("/data"),
          copyUp("/new"),
        ],
      }),
    },
  );
  assert.equal(stdout, "/new\n");
});

test("tmpcopyup: without enough room there is no container", here, async () => {
  await using bundle = withData();
  await bundle.run(["/bin/true"]);
  const before = traces();
  await assert.rejects(
    bundle.run(["/bin/true"], { mounts: [copyUp("/data", "size=1m")] }),
    /"\/data": no space left on device \(ENOSPC\)/,
  );
  assert.deepEqual(traces(), before);
});
