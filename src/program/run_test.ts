import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  close,
  pipe,
  ProgramBuilder,
  readAll,
  run,
  spawn,
  spawnHost,
  toError,
  waitFor,
} from "./mod.ts";

test("run() passes an earlier result to a later step", () => {
  const p = new ProgramBuilder("test");
  const fd = p.step("openat", [-100, "/proc/self/stat", 0, 0]);
  const copy = p.step("dup3", [fd, 800, 0]);
  p.step("close", [fd]);
  p.step("close", [copy]);
  const result = run(p);
  assert.ok(result(fd) > 2);
  assert.equal(result(copy), 800);
});

test("run() names the step, its arguments and the errno that failed", () => {
  const p = new ProgramBuilder("test");
  p.step("getpid", []);
  p.step("openat", [-100, "/no/such/file", 0, 0], { subject: "/no/such/file" });
  assert.throws(() => run(p), (error: Error & Record<string, unknown>) => {
    assert.equal(error.code, "not_found");
    assert.equal(error.syscall, "openat");
    assert.equal(error.errnoName, "ENOENT");
    assert.deepEqual(error.args, ["-100", '"/no/such/file"', "0", "0"]);
    assert.equal(error.message, 'cannot test "/no/such/file": no such file or directory (ENOENT)');
    return true;
  });
});

test("run() goes on after a step that may fail", () => {
  const p = new ProgramBuilder("test");
  const failed = p.step("openat", [-100, "/no/such/file", 0, 0], { mayFail: true });
  const pid = p.step("getpid", []);
  const result = run(p);
  assert.equal(result(failed), -2);
  assert.equal(result(pid), process.pid);
});

test("run() refuses a string with a NUL", () => {
  const p = new ProgramBuilder("test");
  p.step("openat", [-100, "/etc\0/passwd", 0, 0]);
  assert.throws(() => run(p), TypeError);
});

test("spawn() lets the child wait for the go, and its end of file fails it", () => {
  for (const go of [true, false]) {
    const [read, write] = pipe();
    const p = new ProgramBuilder("test");
    p.step("close", [write]);
    p.waitForGo(read);
    p.step("exit_group", [7]);
    const child = spawn(p);
    assert.equal(waitFor(child.pid), undefined);
    close(read);
    if (go) {
      const w = new ProgramBuilder("go");
      w.step("write", [write, "g", 1]);
      run(w);
    }
    close(write);
    assert.equal(waitFor(child.pid, { block: true })!.exitCode, go ? 7 : 127);
    const failure = child.failure();
    assert.equal(failure?.step.options.name, go ? undefined : "wait for go");
    close(child.pidfd);
    child.free();
  }
});

test("spawn() reports the step of the child that failed", () => {
  const p = new ProgramBuilder("test");
  const pid = p.step("getpid", []);
  p.step("kill", [pid, 0]);
  p.step("chdir", ["/no/such/directory"], { subject: "/no/such/directory" });
  const child = spawn(p, { vfork: true });
  assert.equal(waitFor(child.pid, { block: true })!.exitCode, 127);
  assert.equal(child.result(pid), child.pid);
  const failure = child.failure()!;
  assert.equal(failure.index, 2);
  assert.equal(
    toError(failure, { operation: "start" }).message,
    'cannot start "/no/such/directory": no such file or directory (ENOENT)',
  );
  close(child.pidfd);
  child.free();
});

test("spawnHost() gives the process its descriptors, environment and directory, and no others", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctr-spawn-"));
  try {
    const [read, write] = pipe();
    const [devNull] = pipe();
    const pid = spawnHost({
      argv: ["/bin/sh", "-c", 'echo "$GREETING $(pwd)" >&2; ls /proc/self/fd | tr "\\n" " " >&2'],
      env: ["GREETING=hello", "PATH=/usr/bin:/bin"],
      fds: [devNull, write, write],
      cwd: dir,
    });
    close(write);
    close(devNull);
    const text = new TextDecoder().decode(readAll(read, "pipe"));
    close(read);
    assert.equal(waitFor(pid, { block: true })!.exitCode, 0);
    // ls opens one more for the directory it lists.
    assert.equal(text, `hello ${dir}\n0 1 2 3 `);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("spawnHost() puts descriptors into place when sources and targets overlap", () => {
  const [read, write] = pipe();
  const script = "readlink /proc/self/fd/0 >&4; readlink /proc/self/fd/3 >&4";
  const pid = spawnHost({
    argv: ["/bin/sh", "-c", script],
    env: ["PATH=/usr/bin:/bin"],
    fds: [2, 0, 1, read, write],
  });
  close(write);
  assert.equal(waitFor(pid, { block: true })!.exitCode, 0);
  const lines = new TextDecoder().decode(readAll(read, "pipe")).split("\n");
  close(read);
  assert.match(lines[1]!, /^pipe:/);
});

test("spawnHost() says what could not be executed", () => {
  assert.throws(
    () => spawnHost({ argv: ["/no/such/program"], env: [], fds: [0, 1, 2] }),
    /cannot execute "\/no\/such\/program": no such file or directory \(ENOENT\)/,
  );
});

test("calls read and replace files", async () => {
  const { ensureDirectory, readText, replaceFile, rmdir, unlink } = await import("./mod.ts");
  const dir = mkdtempSync(join(tmpdir(), "ctr-calls-"));
  try {
    assert.equal(ensureDirectory(`${dir}/a/b`), false);
    assert.equal(ensureDirectory(`${dir}/a/b`), true);
    const long = "x".repeat(100_000);
    replaceFile(`${dir}/f`, long);
    assert.equal(readText(`${dir}/f`), long);
    replaceFile(`${dir}/f`, "short");
    assert.equal(readFileSync(`${dir}/f`, "utf8"), "short");
    assert.equal(unlink(`${dir}/f`), true);
    assert.equal(unlink(`${dir}/f`), false);
    assert.equal(rmdir(`${dir}/a/b`), true);
    assert.throws(() => rmdir(`${dir}/a/b/c/d`) || readText(`${dir}/f`), /ENOENT/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("spawn() gives the child default signal dispositions and an empty mask", () => {
  const [read, write] = pipe();
  const pid = spawnHost({
    argv: ["/bin/sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status >&1"],
    env: ["PATH=/usr/bin:/bin"],
    fds: [0, write, 2],
  });
  close(write);
  assert.equal(waitFor(pid, { block: true })!.exitCode, 0);
  const text = new TextDecoder().decode(readAll(read, "pipe"));
  close(read);
  // Ignored signals of the test's own parent may come through; those of the runtime may not.
  const ignored = BigInt("0x" + /SigIgn:\s*([0-9a-f]+)/.exec(text)![1]);
  assert.equal(ignored & (1n << 12n | 1n << 24n), 0n);
  assert.match(text, /SigBlk:\s*0{16}/);
});

test("spawn() tells the failure of the step that should have made what another needs", () => {
  const failure = (directory: string) => {
    const p = new ProgramBuilder("make and open");
    const maker = p.step("mkdirat", [-100, directory, 0o755], { mayFail: true });
    p.step("openat", [-100, `${directory}/x`, 0, 0], { maker });
    const child = spawn(p);
    waitFor(child.pid, { block: true });
    close(child.pidfd);
    const { step, errno } = child.failure()!;
    child.free();
    return [step.syscall, errno];
  };
  assert.deepEqual(failure("/proc/none"), ["mkdirat", 2]);
  assert.deepEqual(failure("/proc/self/none"), ["mkdirat", 2]);
  assert.deepEqual(failure("/proc"), ["openat", 2]); // it is there
});
