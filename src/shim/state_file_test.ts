import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CtrError } from "../errors.ts";
import { failureCode, writeFailure, writeState } from "./state_file.ts";
import type { TaskState } from "./types.ts";

function withDirectory(work: (directory: string, read: () => TaskState) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "ctr-state-file-"));
  try {
    work(directory, () => JSON.parse(readFileSync(join(directory, "state.json"), "utf8")));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
const failed = (operation: string, code: "not_found" | "permission_denied") =>
  new CtrError({ code, operation, subject: "x", reason: "no" });

test("failureCode() is Docker's", () => {
  assert.equal(failureCode(failed("execute", "not_found")), 127);
  assert.equal(failureCode(failed("execute", "permission_denied")), 126);
  assert.equal(failureCode(failed("mount", "not_found")), 128);
  assert.equal(failureCode(undefined), 128);
});

test("writeFailure() leaves a task that never ran as created, without a shim", () => {
  withDirectory((directory, read) => {
    writeFailure(directory, "id", failed("execute", "not_found"));
    const { status, shimPid, exitCode, error, finishedAt } = read();
    assert.deepEqual({ status, shimPid, exitCode, error, finishedAt }, {
      status: "created",
      shimPid: 0,
      exitCode: 127,
      error: 'cannot execute "x": no',
      finishedAt: 0,
    });
  });
});

test("writeFailure() leaves a task that ran before as stopped, with its times", () => {
  withDirectory((directory, read) => {
    const before: TaskState = {
      id: "id",
      status: "stopped",
      pid: 0,
      shimPid: 7,
      shimStartTicks: 8,
      startedAt: 1,
      finishedAt: 2,
      exitCode: 3,
      oomKilled: true,
      error: "",
    };
    writeState(directory, before);
    writeFailure(directory, "id", failed("mount", "not_found"));
    assert.deepEqual(read(), {
      ...before,
      shimPid: 0,
      shimStartTicks: 0,
      exitCode: 128,
      oomKilled: false,
      error: 'cannot mount "x": no',
    });
  });
});
