import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { output } from "../../tests/fixtures/cli.ts";
import { openPipeWriter } from "./pipe_sink.ts";

test("a FIFO whose reader comes late gets what was written before and closed at once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-pipe-sink-"));
  try {
    const fifo = join(directory, "out");
    execFileSync("mkfifo", [fifo]);
    const read = output(["sh", "-c", 'sleep 0.3; cat "$0"', fifo]);
    const writer = await openPipeWriter(fifo);
    await writer.write(new TextEncoder().encode("all of it\n"));
    await writer.close();
    assert.equal(await read, "all of it\n");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
