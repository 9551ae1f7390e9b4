/**
 * podman with our runtime below it.
 *
 * @module
 */

import { startPodman } from "../fixtures/callers/podman.ts";
import { runCases } from "../fixtures/callers/run_cases.ts";

const needed = ["file:/usr/bin/podman", "cmd:conmon"] as const;
runCases({ name: "podman", start: startPodman, needed });
