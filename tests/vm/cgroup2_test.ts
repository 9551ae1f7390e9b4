/**
 * The tests of containers on a real kernel once more, on another one: Debian's, with cgroup version 2
 * only, in a virtual machine.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RUNTIME } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const NEEDS = needs(
  ...["root", "x86_64", "cmd:qemu-system-x86_64", "cmd:cpio", "cmd:apt-get"] as const,
  ...["file:/lib/systemd/systemd", "cmd:dbus-daemon"] as const,
);

const FILES = readdirSync(join(ROOT, "tests/root"))
  .filter((name) => /^runtime_.*_test\.ts$/.test(name)).map((name) => `./tests/root/${name}`);

test("containers work on a kernel that has cgroup version 2 only", NEEDS, async () => {
  const command = RUNTIME === "bun"
    ? ["bun", "test", "--timeout=180000", ...FILES]
    : ["deno", "test", "--allow-all", "--no-check", ...FILES];
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    const child = execFile(
      join(ROOT, "tests/vm/boot.sh"),
      ["env", "NO_COLOR=1", ...command],
      { maxBuffer: 1 << 26 },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
  assert.equal(code, 0, output);
  assert.match(output, /limits are in the container's cgroups/);
  assert.match(output, /unit of the user's own systemd.*(ms|ok)/);
  assert.match(output, /unit of systemd, with the cgroups of host.*(ms|ok)/);
});
