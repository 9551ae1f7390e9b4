/**
 * containerd with our shim below it, as its runtime `io.containerd.ctr.v2`.
 *
 * @module
 */

import { startContainerdCaller } from "../fixtures/callers/containerd.ts";
import { runCases } from "../fixtures/callers/run_cases.ts";

const needed = ["file:/usr/bin/containerd", "file:/usr/bin/ctr"] as const;
runCases({
  name: "containerd",
  title: "containerd's shim",
  start: () => startContainerdCaller("shim"),
  needed,
});
