import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, readlinkSync, writeSync } from "node:fs";
import { test } from "node:test";
import { call, close, pipe, ProgramBuilder, spawn, type Spawned, waitFor } from "./mod.ts";

/** A child apart that waits, and how it ends. */
function waiting(work: (child: Spawned) => void, last: (p: ProgramBuilder) => void): Spawned {
  const [read, write] = pipe();
  const p = new ProgramBuilder("test");
  p.step("write", [read, "", 0], { mayFail: true });
  p.waitForGo(read);
  last(p);
  const child = spawn(p, { apart: [read] });
  close(read);
  try {
    while (!readlinkSync(`/proc/${child.pid}/exe`).startsWith("/memfd:ctr"));
    work(child);
  } finally {
    call("write", "pipe", write, new Uint8Array([1]), 1);
    close(write);
    waitFor(child.pid, { block: true });
    close(child.pidfd);
  }
  return child;
}

test("spawn() apart: neither the executable nor the memory is this process's", () => {
  const child = waiting(({ pid }) => {
    assert.ok(Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[0]) < 200);
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    assert.ok(!maps.includes(process.execPath), maps);
    assert.equal(readFileSync(`/proc/${pid}/environ`, "utf8"), "");
    assert.equal(readFileSync(`/proc/${pid}/cmdline`, "utf8"), "ctr\0init\0");
  }, (p) => p.step("exit_group", [5]));
  child.free();
});

test("spawn() apart: the executable cannot be written, not even when it runs no more", () => {
  let kept = -1;
  const child = waiting(({ pid }) => {
    assert.throws(() => openSync(`/proc/${pid}/exe`, "r+"), { code: "ETXTBSY" });
    kept = openSync(`/proc/${pid}/exe`, "r");
  }, (p) => p.step("exit_group", [5]));
  const again = openSync(`/proc/self/fd/${kept}`, "r+");
  assert.throws(() => writeSync(again, "#!/bin/sh"), { code: "EPERM" });
  closeSync(again);
  closeSync(kept);
  child.free();
});

test("spawn() apart: a descriptor that is not there fails the step that uses it", () => {
  const p = new ProgramBuilder("test");
  p.step("fcntl", [999, 2, 0], { name: "use it" });
  const child = spawn(p, { apart: [999] });
  waitFor(child.pid, { block: true });
  close(child.pidfd);
  assert.equal(child.failure()?.step.options.name, "use it");
  child.free();
});

test("spawn() apart: results and failures are read as of any other child", () => {
  let pid: { step: number } | undefined;
  const child = waiting(() => {}, (p) => {
    pid = p.step("getpid", []);
    p.step("close", [-1], { name: "fail" });
  });
  assert.equal(child.result(pid!), child.pid);
  const failure = child.failure();
  assert.equal(failure?.step.options.name, "fail");
  assert.equal(failure?.errno, 9);
  child.free();
});
