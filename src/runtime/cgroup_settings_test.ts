import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeSettings } from "./cgroup_settings.ts";

function inDirectory(work: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), "ctr-settings-"));
  try {
    work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("writeSettings() writes to the file that is there, or does what is said instead", () => {
  inDirectory((dir) => {
    writeFileSync(join(dir, "io.weight"), "default 100");
    const written: string[] = [];
    writeSettings([{
      directory: dir,
      files: [["io.bfq.weight", "10", ["io.weight", "1"]], ["memory.swap.max", "0", "ignore"]],
    }], ({ file, value }) => written.push(`${file} ${value}`));
    assert.equal(readFileSync(join(dir, "io.weight"), "utf8"), "1");
    assert.deepEqual(written, ["io.weight 1"]);
  });
});

test("writeSettings() tells a controller, a limit and a cgroup that are missing", () => {
  inDirectory((dir) => {
    const write = (file: string, directory = dir) => () =>
      writeSettings([{ directory, files: [[file, "1"]] }]);
    writeFileSync(join(dir, "cgroup.controllers"), "cpu memory\n");
    assert.throws(write("pids.max"), {
      code: "failed_precondition",
      message: 'cannot limit "pids.max": this host has no pids controller',
    });
    assert.throws(write("cpu.rt_period_us"), {
      code: "failed_precondition",
      message: 'cannot limit "cpu.rt_period_us": this kernel has no such limit',
    });
    assert.throws(write("cpu.max", join(dir, "none")), { code: "not_found" });
  });
});
