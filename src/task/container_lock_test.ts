import assert from "node:assert/strict";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockContainer, tryLock } from "./container_lock.ts";

const scratch = () => mkdtempSync(join(tmpdir(), "ctr-container-lock-"));

test("tryLock() gives one lock at a time", () => {
  const directory = scratch();
  try {
    const lock = tryLock(directory)!;
    assert.equal(tryLock(directory), undefined);
    lock.release();
    lock.release();
    {
      using again = tryLock(directory)!;
      assert.ok(again);
      assert.equal(tryLock(directory), undefined);
    }
    tryLock(directory)!.release();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("tryLock() says that a directory is not there", () => {
  const directory = scratch();
  rmdirSync(directory);
  assert.throws(() => tryLock(directory), { code: "not_found" });
});

test("lockContainer() waits for the holder", async () => {
  const directory = scratch();
  try {
    const lock = tryLock(directory)!;
    const order: string[] = [];
    const waiting = lockContainer(directory).then((second) => {
      order.push("second");
      second.release();
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    order.push("first");
    lock.release();
    await waiting;
    assert.deepEqual(order, ["first", "second"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
