import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findRuntime } from "./find_runtime.ts";

function withRuntimes(work: (directory: string, env: string[]) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "ctr-test-runtimes-"));
  try {
    for (const name of ["quickc", "kata-runtime", "no-program"]) {
      writeFileSync(join(directory, name), "#!/bin/sh\n");
      chmodSync(join(directory, name), name === "no-program" ? 0o644 : 0o755);
    }
    mkdirSync(join(directory, "adirectory"));
    work(directory, [`PATH=relative::${directory}`]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("findRuntime() finds names in PATH, absolute paths, and containerd's names", () =>
  withRuntimes((directory, env) => {
    for (
      const [name, file] of [
        ["quickc", "quickc"],
        [join(directory, "quickc"), "quickc"],
        ["io.containerd.quickc.v2", "quickc"],
        ["kata", "kata-runtime"],
        ["io.containerd.kata.v2", "kata-runtime"],
      ] as const
    ) {
      assert.deepEqual(findRuntime(name, env), { name, path: join(directory, file) });
    }
  }));

test("findRuntime() knows the built-in one", () => {
  assert.equal(findRuntime("ctr", []), undefined);
  assert.equal(findRuntime("", []), undefined);
});

test("findRuntime() refuses what is no runtime", () =>
  withRuntimes((directory, env) => {
    const relative = `../${directory.split("/").at(-1)}/quickc`;
    for (
      const name of [
        "no-such-runtime",
        "no-program",
        "adirectory",
        join(directory, "no-such"),
        relative,
        "quickc ",
        "..",
      ]
    ) {
      assert.throws(() => findRuntime(name, env), {
        code: "invalid_argument",
        subject: name,
        reason: "unknown or invalid runtime name",
      });
    }
  }));
