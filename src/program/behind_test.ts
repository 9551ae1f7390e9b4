import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runtimeArgv } from "../../ffi/mod.ts";

test("runBehind() goes on when its process has ended, and nobody waits for its output", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-behind-"));
  const script = join(import.meta.dirname!, "../../tests/fixtures/behind_program.ts");
  try {
    const made = join(directory, "made");
    const [runtime, ...args] = [...runtimeArgv, script, made];
    // Returns when all who hold its stdout have closed it.
    const { stdout, status } = spawnSync(runtime!, args, { encoding: "utf8" });
    assert.deepEqual([status, stdout], [0, "ended\n"]);
    assert.equal(existsSync(made), false);
    for (let ms = 0; !existsSync(made) && ms < 5000; ms += 10) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal(existsSync(made), true);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
