/**
 * What a shim does whose container does nothing.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { test } from "node:test";
import { until, withCli } from "../fixtures/cli.ts";
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
      // What was begun at its start may still end.
      await until("a while without waking up", async () => {
        const before = sleeps();
        await new Promise((resolve) => setTimeout(resolve, 2500));
        return sleeps() === before;
      }, 30_000);
    }),
);
