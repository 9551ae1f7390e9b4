/**
 * Everybody that takes part, ours and the peers.
 *
 * @module
 */

import { ctr, library } from "./ours.mjs";
import { containerd, docker, podman, runtime } from "./peers.mjs";

/** @returns {{ name: string, prepare: () => Promise<object | undefined> }[]} */
export function contestants(bench) {
  return [
    {
      name: "fork and exec of true",
      prepare: () => Promise.resolve({ argv: () => ["/bin/true"], note: "the harness itself" }),
    },
    { name: "ctr run on Bun", prepare: () => ctr(bench, "bun", "busybox") },
    { name: "ctr run on Bun, image host", prepare: () => ctr(bench, "bun", "host") },
    { name: "ctr run on Deno", prepare: () => ctr(bench, "deno", "busybox") },
    { name: "ctr run on Deno, image host", prepare: () => ctr(bench, "deno", "host") },
    { name: "ctr library on Bun", prepare: () => library(bench, "bun") },
    { name: "ctr library on Deno", prepare: () => library(bench, "deno") },
    { name: "crun run", prepare: () => runtime(bench, "crun") },
    { name: "runc run", prepare: () => runtime(bench, "runc") },
    { name: "podman run", prepare: () => podman(bench) },
    { name: "containerd ctr run", prepare: () => containerd(bench) },
    { name: "docker run", prepare: () => docker(bench) },
  ];
}
