/**
 * What a shim does whose container does nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withCli } from "../fixtures/cli.ts";
import { needs } from "../fixtures/needs.ts";

test(
  "a shim whose container is silent does not look around every second",
  needs("root", "overlayfs"),
  () =>
    withCli("shim-idle", async (cli) => {
      await cli.ok(["run", "-d", "--name", "quiet", "host", "sleep", "1000"]);
      const pid = await cli.ok(["inspect", "--format", "{{.State.Pid}}", "quiet"]);
      const shim = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid.trim()}/status`, "utf8"))![1];
      const status = () => readFileSync(`/proc/${shim}/status`, "utf8");
      const sleeps = () => Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status())![1]);
      await new Promise((resolve) => setTimeout(resolve, 1500)); // it has just started
      const before = sleeps();
      await new Promise((resolve) => setTimeout(resolve, 5000));
      const count = sleeps() - before;
      assert.ok(count < 4, `it woke up ${count} times in 5 s`); // what was begun at its start may end
    }),
);
