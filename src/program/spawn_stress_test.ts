import assert from "node:assert/strict";
import { test } from "node:test";
import { close, pipe, ProgramBuilder, run, spawn, waitFor } from "./mod.ts";

test("children that share this process's memory survive its garbage collector", () => {
  const [read, write] = pipe();
  const children = Array.from({ length: 200 }, (_, index) => {
    const p = new ProgramBuilder("child");
    p.step("close", [write]);
    p.waitForGo(read);
    p.step("faccessat", [-100, `/no/such/${index}/${"x".repeat(index)}`, 0], { mayFail: true });
    p.step("exit_group", [index % 100]);
    return spawn(p);
  });
  // Garbage of all sizes, so that the collector runs and memory is handed out again.
  let garbage: unknown[] = [];
  for (let i = 0; i < 200_000; i++) {
    garbage.push({ i, text: `${i}`.repeat(10), bytes: i % 100 === 0 ? new Uint8Array(10_000) : i });
    if (garbage.length > 20_000) garbage = [];
  }
  const go = new ProgramBuilder("go");
  go.step("write", [write, "g".repeat(children.length), children.length]);
  run(go);
  children.forEach((child, index) => {
    assert.equal(waitFor(child.pid, { block: true })!.exitCode, index % 100);
    assert.equal(child.failure(), undefined);
    assert.equal(child.result({ step: 2 }), -2);
    close(child.pidfd);
    child.free();
  });
  close(read);
  close(write);
});
