/**
 * Containers as units of a real systemd, which these tests start in namespaces of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { environment, RUNTIME, start } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";
import { ROOT } from "../fixtures/source_scan.ts";

const here = needs(
  "root",
  "cgroup",
  "file:/bin/busybox",
  "file:/lib/systemd/systemd",
  "cmd:dbus-daemon",
  "cmd:busctl",
);
const needs1 = needs("cgroup1");

async function besideSystemd(cgroups: "host" | "unified"): Promise<void> {
  const run = RUNTIME === "bun" ? ["bun"] : ["deno", "run", "--allow-all", "--no-check"];
  const { code, stdout, stderr } = await start([
    join(ROOT, "tests/fixtures/with_systemd.sh"),
    `ctr-systemd-${process.pid}`,
    ...run,
    join(ROOT, "tests/fixtures/systemd_program.ts"),
  ], { env: { ...environment(), WITH_SYSTEMD: cgroups } }).ended;
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /a slice: \d+ ms/);
}

test("a container is a unit of systemd", here, () => besideSystemd("host"));

test(
  "a container is a unit of systemd where version 2 is the only one",
  here.skip ? here : needs1,
  () => besideSystemd("unified"),
);
