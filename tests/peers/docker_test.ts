/**
 * dockerd with our runtime below it.
 *
 * @module
 */

import { startDocker } from "../fixtures/callers/docker.ts";
import { runCases } from "../fixtures/callers/run_cases.ts";

const needed = [
  ...["file:/usr/sbin/dockerd", "file:/usr/bin/docker", "file:/usr/bin/containerd"] as const,
];
runCases({ name: "docker", start: startDocker, needed });
