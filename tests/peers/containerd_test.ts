/**
 * containerd with our runtime below it, by `ctr run --runc-binary`.
 *
 * @module
 */

import { startContainerdCaller } from "../fixtures/callers/containerd.ts";
import { runCases } from "../fixtures/callers/run_cases.ts";

const needed = ["file:/usr/bin/containerd", "file:/usr/bin/ctr"] as const;
runCases({ name: "containerd", start: () => startContainerdCaller(), needed });
