import assert from "node:assert/strict";
import { test } from "node:test";
import { AT, CLONE, MOUNT_ATTR, MS, O, RESOLVE, TTY } from "../linux/mod.ts";
import { explain, O_ARCH, openHow, ProgramBuilder, strings } from "./mod.ts";

const directory = O.O_PATH | O.O_CLOEXEC | O_ARCH.O_DIRECTORY;

test("explain() shows flags, paths and references as strace does", async () => {
  const p = new ProgramBuilder("start");
  p.step("unshare", [CLONE.CLONE_NEWNS | CLONE.CLONE_NEWUTS]);
  p.step("mount", ["none", "/", 0, MS.MS_REC | MS.MS_PRIVATE, 0]);
  const root = p.step("openat", [AT.AT_FDCWD, "/r", directory, 0]);
  const how = openHow(O.O_PATH, RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS);
  const target = p.step("openat2", [root, "etc", how, 24], { subject: "/etc" });
  p.step("move_mount", [root, "", target, "", 4 | 0x40], { mayFail: true });
  p.step("mknodat", [root, "null", 0o20666, 0x103]);
  p.step("ioctl", [0, TTY.TIOCSCTTY, 0]);
  p.step("prctl", [24, 21]);
  p.waitForGo(9);
  p.step("execve", ["/bin/sh", strings(["sh", "-c", "a b"]), strings([])]);
  assert.equal(
    await explain(p),
    `0  unshare(CLONE_NEWNS|CLONE_NEWUTS)
1  mount("none", "/", NULL, MS_REC|MS_PRIVATE, NULL)
2  openat(AT_FDCWD, "/r", O_CLOEXEC|O_PATH|O_DIRECTORY)
3  openat2(#2</r>, "etc", {flags=O_PATH, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, 24)
4  move_mount(#2</r>, "", #3</etc>, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)  /* may fail */
5  mknodat(#2</r>, "null", S_IFCHR|0666, makedev(1, 3))
6  ioctl(0, TIOCSCTTY, 0)
7  prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)
8  read(9, buffer, 1)  /* wait for go; fails on 0 */
9  execve("/bin/sh", ["sh", "-c", "a b"], [])
`,
  );
});

test("explain() shows structures by their fields", async () => {
  const words = (...numbers: number[]) => new Uint8Array(new Uint32Array(numbers).buffer);
  const p = new ProgramBuilder("limits");
  p.step("capset", [words(0x20080522, 0), words(1 | 1 << 21, 1 | 1 << 21, 0, 1 << 7, 1 << 7, 0)]);
  p.step("prlimit64", [0, 7, words(1024, 0, 0xffffffff, 0xffffffff), 0]);
  p.step("mount_setattr", [
    5,
    "",
    0x9000,
    words(MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, 0, 0, 0, 0, 0),
    32,
  ]);
  p.step("setgroups", [2, words(10, 20)]);
  p.step("rt_sigprocmask", [2, new Uint8Array(8), 0, 8]);
  assert.equal(
    await explain(p),
    `0  capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=CAP_CHOWN|CAP_SYS_ADMIN|CAP_BPF, permitted=<same>, inheritable=0})
1  prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM_INFINITY}, NULL)
2  mount_setattr(5, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY}, 32)
3  setgroups(2, [10, 20])
4  rt_sigprocmask(SIG_SETMASK, [], NULL, 8)
`,
  );
});

test("explain() keeps bits that have no name", async () => {
  const p = new ProgramBuilder("odd");
  p.step("umount2", ["/x", 2 | 0x100]);
  p.step("mount", ["a", "b", "c", MS.MS_RDONLY | (1 << 30), "size=1"]);
  p.step("clone3", [new Uint8Array(88), 88], { exitIfPositive: true });
  assert.equal(
    await explain(p),
    `0  umount2("/x", MNT_DETACH|0x100)
1  mount("a", "b", "c", MS_RDONLY|0x40000000, "size=1")
2  clone3({flags=0, exit_signal=0}, 88)  /* exits on success */
`,
  );
});

test("explain() says which step an argument was written by", async () => {
  const p = new ProgramBuilder("mode");
  const status = new Uint8Array(256);
  p.step("statx", [4, "", 0x1000, 2, status]);
  p.step("fchmod", [5, { from: status, at: 28 }]);
  assert.match(await explain(p), /^1 {2}fchmod\(5, #0\[28\]\)$/m);
});
