/**
 * The tests of containers on a real kernel once more, on another one: Debian's, with cgroup version 2
 * only, in a virtual machine.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { RUNTIME } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const NEEDS = needs(
  ...["root", "x86_64", "cmd:qemu-system-x86_64", "cmd:cpio", "cmd:apt-get"] as const,
  ...["file:/lib/systemd/systemd", "cmd:dbus-daemon"] as const,
);

/** What depends on the control groups. The processor is emulated: a test takes 1 s on Bun, 5 s on Deno. */
const FILES = ["limits", "oom", "signal", "stats", "update"].concat(
  RUNTIME === "deno" ? [] : ["delegation", "exec", "labels", "limits_rare", "systemd", "userns"],
).map((name) => `./tests/root/runtime_${name}_test.ts`);

/** What the command line of the OCI runtime does with cgroups; the rest takes too long here. */
const OCI_FILES = ["commands", "queries", "state"]
  .map((name) => `./tests/root/oci_contract_${name}_test.ts`);
const OCI_NAMES = ["update takes limits"].concat(
  // A command costs 1 s of the emulated processors' time on Bun, 5 s on Deno.
  RUNTIME === "deno" ? [] : [
    "events --stats",
    "exec refuses a paused container",
    "what a container without a PID namespace left",
  ],
);

/** Run test files in the virtual machine. @returns what they wrote, when all passed */
async function tested(files: readonly string[], names?: string): Promise<string> {
  const filter = names === undefined
    ? []
    : RUNTIME === "bun"
    ? ["-t", names]
    : ["--filter", `/${names}/`];
  const command = RUNTIME === "bun"
    ? ["bun", "test", "--timeout=180000", ...filter, ...files]
    : ["deno", "test", "--allow-all", "--no-check", ...filter, ...files];
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    const child = execFile(
      join(ROOT, "tests/vm/boot.sh"),
      ["env", "NO_COLOR=1", ...command],
      { maxBuffer: 1 << 26 },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
  assert.equal(code, 0, output);
  return output;
}

test("containers work on a kernel that has cgroup version 2 only", NEEDS, async () => {
  const output = await tested(FILES);
  assert.match(output, /limits are in the container's cgroups/);
  if (RUNTIME === "deno") return;
  assert.match(output, /unit of the user's own systemd.*(ms|ok)/);
  assert.match(output, /unit of systemd, with the cgroups of host.*(ms|ok)/);
});

test("so does the command line of the OCI runtime", NEEDS, async () => {
  const output = await tested(OCI_FILES, OCI_NAMES.join("|"));
  for (const name of OCI_NAMES) assert.match(output, new RegExp(`${name}.*(ms|ok)`));
});
