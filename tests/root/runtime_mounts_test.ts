import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { OciMount } from "../../src/oci/mod.ts";
import { Bundle, traces } from "../fixtures/bundle.ts";
import { needs } from "../fixtures/needs.ts";

const here = needs("root", "cgroup", "file:/bin/busybox");

/** A directory with a file in it, beside the rootfs. */
function source(bundle: Bundle, name = "data"): string {
  const dir = join(bundle.dir, name);
  mkdirSync(dir);
  writeFileSync(join(dir, "file"), "content\n");
  return dir;
}

const bind = (source: string, destination: string, ...options: string[]): OciMount => ({
  type: "bind",
  source,
  destination,
  options: ["rbind", "rprivate", ...options],
});

test("bind mounts reach files and directories, and missing targets are made", here, async () => {
  await using bundle = new Bundle();
  const dir = source(bundle);
  const { stdout, exitCode } = await bundle.sh(
    "cat /deep/er/file /etc/one; echo new > /deep/er/x",
    {
      mounts: [bind(dir, "/deep/er"), bind(join(dir, "file"), "/etc/one")],
    },
  );
  assert.equal(stdout, "content\ncontent\n");
  assert.equal(exitCode, 0);
  assert.equal(readFileSync(join(dir, "x"), "utf8"), "new\n");
});

test(
  "a read-only bind mount is read-only, and rro covers what is mounted below",
  here,
  async () => {
    await using bundle = new Bundle();
    const dir = source(bundle);
    mkdirSync(join(dir, "sub"));
    execFileSync("mount", ["-t", "tmpfs", "ctr-test", join(dir, "sub")]);
    try {
      const write = async (...options: string[]) =>
        (await bundle.sh("touch /m/x; touch /m/sub/x", { mounts: [bind(dir, "/m", ...options)] }))
          .stderr.match(/Read-only/g)?.length ?? 0;
      assert.equal(await write(), 0);
      assert.equal(await write("ro"), 1);
      assert.equal(await write("rro"), 2);
    } finally {
      execFileSync("umount", [join(dir, "sub")]);
    }
  },
);

test("nosuid, nodev, noexec and noatime hold for bind mounts", here, async () => {
  await using bundle = new Bundle();
  const mounts = [bind(source(bundle), "/m", "nosuid", "nodev", "noexec", "noatime")];
  const { stdout } = await bundle.sh("grep ' /m ' /proc/mounts", { mounts });
  assert.match(stdout, / rw,nosuid,nodev,noexec,noatime/);
});

test("tmpfs mounts take their options", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh("grep ' /t ' /proc/mounts; stat -c %a /t", {
    mounts: [{
      type: "tmpfs",
      source: "tmpfs",
      destination: "/t",
      options: ["noexec", "size=1m", "mode=1700"],
    }],
  });
  assert.match(stdout, /tmpfs \/t tmpfs rw,noexec,relatime,size=1024k,mode=1700.*\n1700\n/);
});

test("mounts propagate from the host only where they are told to", here, async () => {
  await using bundle = new Bundle();
  const dir = source(bundle);
  execFileSync("mount", ["-t", "tmpfs", "ctr-test", dir]);
  execFileSync("mount", ["--make-shared", dir]);
  try {
    const groups = async (option: string) => {
      const mount = { ...bind(dir, "/m"), options: ["rbind", option] };
      const { stdout } = await bundle.sh("grep ' /m ' /proc/self/mountinfo", { mounts: [mount] });
      return /(shared|master):/.exec(stdout)?.[1] ?? "private";
    };
    assert.equal(await groups("rprivate"), "private");
    assert.equal(await groups("rslave"), "master");
    const before = traces();
    assert.equal(await groups("rshared"), "shared");
    // The container's root, its mounts and their end are not the host's.
    assert.deepEqual(traces(), before);
  } finally {
    execFileSync("umount", [dir]);
  }
});

test("a container with rshared mounts made shared does not unmount the host's", here, async () => {
  await using bundle = new Bundle();
  const before = readFileSync("/proc/self/mountinfo", "utf8").split("\n").length;
  // In a mount namespace where everything is shared, as on a machine with systemd.
  const script = `
    import { Bundle } from ${JSON.stringify(join(import.meta.dirname!, "../fixtures/bundle.ts"))};
    import { readFileSync } from "node:fs";
    const count = () => readFileSync("/proc/self/mountinfo", "utf8").split("\\n").length;
    const bundle = new Bundle();
    const before = count();
    const { stdout } = await bundle.sh("echo ran; cat /proc/self/mountinfo", { mounts: [{
      type: "bind", source: "/tmp", destination: "/m", options: ["rbind", "rshared"],
    }] });
    console.log(stdout.startsWith("ran"), / \\/m .* shared:/.test(stdout), count() - before);
    await bundle[Symbol.asyncDispose]();
  `;
  const file = join(bundle.dir, "inner.ts");
  writeFileSync(file, script);
  const run = process.versions["bun"] === undefined ? ["run", "-A", file] : [file];
  const out = execFileSync("unshare", [
    ...["-m", "--propagation", "shared", process.execPath, ...run],
  ], { encoding: "utf8" });
  assert.equal(out.trim().split("\n").at(-1), "true true 0");
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8").split("\n").length, before);
});

test("a read-only root is read-only, its tmpfs mounts are not", here, async () => {
  await using bundle = new Bundle();
  const file = join(source(bundle), "file");
  writeFileSync(file, "");
  const { stdout, stderr } = await bundle.sh("touch /x; touch /dev/shm/x && echo shm", {
    readonlyRootfs: true,
    cwd: "/made/before",
    mounts: [bind(file, "/a/file/made/before")],
  });
  assert.match(stderr, /touch: \/x: Read-only file system/);
  assert.equal(stdout, "shm\n");
  assert.ok(statSync(join(bundle.rootfs, "made/before")).isDirectory());
});

test("an overlay is the root inside, and nothing is mounted outside", {
  ...needs("root", "cgroup", "overlayfs", "file:/bin/busybox"),
}, async () => {
  await using bundle = new Bundle();
  const dirs = ["upper", "work", "lower2", "top/rootfs"].map((name) => join(bundle.dir, name));
  for (const dir of dirs) mkdirSync(dir, { recursive: true });
  writeFileSync(join(dirs[2]!, "from-below"), "below\n");
  const overlay = (count: number) => ({
    type: "overlay",
    source: "overlay",
    options: [
      ...Array.from({ length: count }, () => `lowerdir+=${dirs[2]}`),
      `lowerdir+=${bundle.rootfs}`,
      `upperdir=${dirs[0]}`,
      `workdir=${dirs[1]}`,
    ],
  });
  // Before Linux 6.8 their names have to fit on a page.
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const most = major > 6 || (major === 6 && minor >= 8) ? 120 : 50;
  for (const count of [1, most]) {
    // Equal directories are refused, so the many are links.
    const { options, ...rest } = overlay(1);
    const many = Array.from({ length: count - 1 }, (_, i) => {
      const dir = join(bundle.dir, `a-directory-with-quite-a-long-name-${i}`);
      mkdirSync(dir, { recursive: true });
      return `lowerdir+=${dir}`;
    });
    const { stdout, exitCode } = await bundle.sh("cat /from-below; echo up > /written", {
      rootfs: join(bundle.dir, "top/rootfs"),
      mountsOfRootfs: [{ ...rest, options: [...many, ...options] }],
    });
    assert.equal(stdout, "below\n");
    assert.equal(exitCode, 0);
    assert.equal(readFileSync(join(dirs[0]!, "written"), "utf8"), "up\n");
  }
  assert.ok(!existsSync(join(bundle.dir, "top/rootfs/from-below")));
});

test("a rootfs mount with a target lies inside the root", here, async () => {
  await using bundle = new Bundle();
  const dir = source(bundle);
  mkdirSync(join(bundle.dir, "top"));
  const { stdout } = await bundle.sh("cat /usr/local/file", {
    rootfs: join(bundle.dir, "top"),
    mountsOfRootfs: [
      { type: "bind", source: bundle.rootfs, options: ["rbind"] },
      { type: "bind", source: dir, target: "/usr/local", options: ["rbind", "ro"] },
    ],
  });
  assert.equal(stdout, "content\n");
});

test("cgroups are visible, read-only, and only the container's", here, async () => {
  await using bundle = new Bundle();
  const { stdout } = await bundle.sh(
    "cat /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/cgroup.procs 2>/dev/null | head -1;" +
      "mkdir /sys/fs/cgroup/memory/x /sys/fs/cgroup/x 2>&1; cat /proc/self/cgroup",
  );
  assert.equal(stdout.split("\n")[0], "1");
  assert.equal(stdout.match(/Read-only|No such|nonexistent/g)?.length, 2, stdout);
  assert.ok(!stdout.includes("ctr-test"), stdout);
});

test("cgroups are writable where the spec says so", here, async () => {
  await using bundle = new Bundle();
  const { stdout, stderr } = await bundle.sh(
    `cd /sys/fs/cgroup/memory 2>/dev/null || cd /sys/fs/cgroup; mkdir x && ls -d x; rmdir x;
     mount -o remount,bind,ro /sys/fs/cgroup 2>&1 | grep -c denied`,
    {
      change: (spec) => ({
        ...spec,
        mounts: spec.mounts!.map((mount) =>
          mount.type === "cgroup" ? { ...mount, options: ["nosuid", "noexec", "rw"] } : mount
        ),
      }),
    },
  );
  assert.equal(stdout, "x\n1\n", stderr);
});

test(
  "in the host's cgroup namespace a container finds the cgroup that it is in",
  here,
  async () => {
    await using bundle = new Bundle();
    const { stdout, stderr } = await bundle.sh(
      `own=$(sed -n 's/^[0-9]*:memory://p; s/^0:://p' /proc/self/cgroup | head -1)
     echo $own
     cat /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup$own/cgroup.procs 2>/dev/null | head -1`,
      {
        change: (spec) => {
          const namespaces = spec.linux!.namespaces!.filter(({ type }) => type !== "cgroup");
          return { ...spec, linux: { ...spec.linux, namespaces } };
        },
      },
    );
    assert.match(stdout, new RegExp(`^\\S*${bundle.cgroup}\n1\n$`), stderr);
  },
);

test("a symbolic link in the root is followed inside the root", here, async () => {
  await using bundle = new Bundle();
  const dir = source(bundle);
  mkdirSync(join(bundle.rootfs, "real"));
  symlinkSync("/real", join(bundle.rootfs, "link"));
  const { stdout } = await bundle.sh("cat /real/sub/file", { mounts: [bind(dir, "/link/sub")] });
  assert.equal(stdout, "content\n");
  assert.ok(!existsSync("/real"));
});

test("a failing mount says which, and leaves nothing behind", here, async () => {
  await using bundle = new Bundle();
  await bundle.run(["/bin/true"]);
  const before = traces();
  const failing = async (mount: OciMount, expected: RegExp) => {
    await assert.rejects(bundle.run(["/bin/true"], { mounts: [mount] }), expected);
    assert.deepEqual(traces(), before);
  };
  await failing(
    bind("/no/such/source", "/m"),
    /cannot mount "\/m": bind source path does not exist: \/no\/such\/source/,
  );
  await failing(
    bind("/bin/busybox", "/tmp"),
    /cannot bind mount "\/tmp": invalid argument \(EINVAL\); one side is not a directory/,
  );
  await failing(
    { type: "nosuchfs", source: "x", destination: "/m" },
    /cannot mount nosuchfs "\/m": no such device \(ENODEV\)/,
  );
  await failing(
    { type: "tmpfs", source: "x", destination: "/m", options: ["nonsense=1"] },
    /cannot mount tmpfs "\/m": invalid argument \(EINVAL\)/,
  );
});

test("a rootfs that is not there is named", here, async () => {
  await using bundle = new Bundle();
  await assert.rejects(
    bundle.run(["/bin/true"], { rootfs: "/no/such/rootfs" }),
    /cannot mount rootfs "\/no\/such\/rootfs": no such file or directory/,
  );
});

test("a device that is asked for is there, with its owner and mode", here, async () => {
  await using bundle = new Bundle();
  const fuse = { type: "c", path: "/dev/x/fuse", major: 10, minor: 229, uid: 5, gid: 6 } as const;
  const { stdout } = await bundle.sh("stat -c '%F %t:%T %u:%g %a' /dev/x/fuse", {
    devices: [{ ...fuse, fileMode: 0o640 }],
  });
  assert.equal(stdout, "character special file a:e5 5:6 640\n");
});

test("what is executable on the host is not, where noexec says so", here, async () => {
  await using bundle = new Bundle();
  const dir = source(bundle);
  writeFileSync(join(dir, "run"), "#!/bin/sh\necho ran\n");
  chmodSync(join(dir, "run"), 0o755);
  const { stdout, stderr } = await bundle.sh("/a/run; /b/run", {
    mounts: [bind(dir, "/a"), bind(dir, "/b", "noexec")],
  });
  assert.equal(stdout, "ran\n");
  assert.match(stderr, /\/b\/run: Permission denied/);
});

test(
  "devices of all kinds have their numbers, owners and modes, wherever they are",
  here,
  async () => {
    await using bundle = new Bundle();
    const device = (type: "b" | "c" | "u" | "p", path: string, more = {}) => ({
      type,
      path,
      ...more,
    });
    const { stdout, stderr } = await bundle.sh(
      "stat -c '%n %F %t:%T %u:%g %a' /dev/disk /srv/dev/tty /dev/tell /dev/many /dev/null",
      {
        devices: [
          device("b", "/dev/disk", { major: 259, minor: 300, fileMode: 0o60640, gid: 6 }),
          device("u", "srv//dev/tty", { major: 4, minor: 0, uid: 3 }),
          device("p", "/dev/tell", { fileMode: 0o622, uid: 1, gid: 2 }),
          device("c", "/dev/x/../many", { major: 240, minor: 70_000 }),
          device("c", "/dev/null", { major: 8, minor: 8 }), // it has been listed before
        ],
      },
    );
    assert.equal(
      stdout,
      "/dev/disk block special file 103:12c 0:6 640\n" +
        "/srv/dev/tty character special file 4:0 3:0 666\n" +
        "/dev/tell fifo 0:0 1:2 622\n" +
        "/dev/many character special file f0:11170 0:0 666\n" +
        "/dev/null character special file 1:3 0:0 666\n",
      stderr,
    );
    for (const bad of [device("x" as "c", "/dev/bad"), device("c", "/")]) {
      await assert.rejects(
        bundle.run(["/bin/true"], { devices: [bad] }),
        { code: "invalid_argument" },
      );
    }
  },
);

test("what the image has in /dev stays, but for its terminals", here, async () => {
  await using bundle = new Bundle();
  mkdirSync(join(bundle.rootfs, "dev"));
  writeFileSync(join(bundle.rootfs, "dev/ptmx"), "mine\n");
  writeFileSync(join(bundle.rootfs, "dev/null"), "mine\n");
  const { stdout } = await bundle.sh("cat /dev/null; readlink /dev/ptmx; ls -d /dev/zero", {
    change: (spec) => ({
      ...spec,
      mounts: spec.mounts!.filter(({ destination }) => !destination.startsWith("/dev")),
    }),
  });
  assert.equal(stdout, "mine\npts/ptmx\n/dev/zero\n");
});

test("the host's /dev is left as it is", here, async () => {
  await using bundle = new Bundle();
  const dev = join(bundle.dir, "dev");
  mkdirSync(dev);
  writeFileSync(join(dev, "only"), "");
  const { stdout } = await bundle.sh("ls /dev", {
    change: (spec) => ({
      ...spec,
      mounts: [...spec.mounts!.filter(({ destination }) => !destination.startsWith("/dev")), {
        type: "none",
        source: dev,
        destination: "/dev/",
        options: ["rbind"],
      }],
    }),
  });
  assert.equal(stdout, "only\n");
});

test("a bind mount's target is made of the same kind as its source", here, async () => {
  await using bundle = new Bundle();
  const dir = source(bundle);
  execFileSync("mkfifo", [join(dir, "fifo")]);
  const { stdout } = await bundle.sh("stat -c %F /n/fifo /n/dir /n/file", {
    mounts: [
      bind(join(dir, "fifo"), "/n/fifo"),
      { type: "none", source: "data", destination: "/n/dir", options: ["bind"] },
      bind("data/file", "n/file"),
    ],
  });
  assert.equal(stdout, "fifo\ndirectory\nregular file\n");
  assert.ok(statSync(join(bundle.rootfs, "n/fifo")).isFile());
});
