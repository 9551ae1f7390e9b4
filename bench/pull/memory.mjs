/**
 * The most memory that a command has at any time, with all processes that it starts.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** The kernel keeps each process's peak; it is asked this often, as it is gone with the process. */
const EVERY_MS = 4;

/** Sum of the peaks of the process tree, in MB. @throws {Error} when the command fails */
export async function peakMemory({ argv, env }) {
  const child = spawn(argv[0], argv.slice(1), {
    env: { ...process.env, ...env },
    stdio: "ignore",
  });
  const peaks = new Map();
  const look = () => {
    for (const pid of tree(child.pid)) {
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
      peaks.set(pid, Math.max(peak, peaks.get(pid) ?? 0));
    }
  };
  const timer = setInterval(look, EVERY_MS);
  const status = await new Promise((resolve) => child.once("exit", resolve));
  clearInterval(timer);
  if (status !== 0) throw new Error(`${argv.join(" ")} failed: ${status}`);
  return [...peaks.values()].reduce((sum, kb) => sum + kb, 0) / 1024;
}

function tree(pid) {
  const children = threads(pid).flatMap((tid) =>
    read(`/proc/${pid}/task/${tid}/children`).split(" ").filter((text) => text !== "").map(Number)
  );
  return [pid, ...children.flatMap(tree)];
}

function threads(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
