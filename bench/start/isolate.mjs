/**
 * Runs the bench again in a mount namespace of its own, where nothing that a peer mounts outlives it.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const INSIDE = "CTR_BENCH_INSIDE";

/**
 * Debian's crun refuses a hybrid cgroup layout in which the unified hierarchy is mounted but has no
 * controllers in use, so that mount is hidden from everybody alike.
 *
 * @param {readonly string[]} argv script and arguments of this process
 * @param {{ net?: boolean }} options whether it gets a network of its own, too, with loopback alone
 */
export function isolate(argv, { net = false } = {}) {
  if (process.env[INSIDE] === "1") return;
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n").map((l) => l.split(" "));
  const v1 = mounts.some(([, , type]) => type === "cgroup");
  const unified = mounts.find(([, , type]) => type === "cgroup2")?.[1];
  const hide = v1 && unified !== undefined ? `umount ${unified} && ` : "";
  const loopback = net ? "ip link set lo up && " : "";
  const script = `${hide}${loopback}exec "$0" "$@"`;
  const namespaces = ["-m", ...net ? ["-n"] : [], "--propagation", "private"];
  const args = [...namespaces, "sh", "-c", script, process.execPath, ...argv];
  const { status } = spawnSync("unshare", args, {
    stdio: "inherit",
    env: { ...process.env, [INSIDE]: "1" },
  });
  process.exit(status ?? 1);
}
