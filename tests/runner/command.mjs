/**
 * Runs one command to its end or to its time limit, with everything it started in its process group.
 *
 * @module
 */

import { spawn } from "node:child_process";

const OUTPUT_LIMIT = 4 << 20;

/** Process groups that run now; ended with the run. */
const groups = new Set();

/** Kill what still runs. */
export function killAll() {
  for (const pid of groups) killGroup(pid);
}

/**
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ timeoutMs: number, env?: Record<string, string>, cwd?: string }} options
 * @returns {Promise<{ code: number, signal: string | null, timedOut: boolean, output: string, ms: number }>}
 */
export function command(file, args, { timeoutMs, env = {}, cwd }) {
  return new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(file, args, {
      cwd,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let timedOut = false;
    let ended = false;
    const collect = (text) => {
      if (output.length < OUTPUT_LIMIT) output += text;
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    if (child.pid !== undefined) groups.add(child.pid);
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, timeoutMs);
    const finish = (code, signal) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      killGroup(child.pid);
      groups.delete(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code: code ?? -1, signal, timedOut, output, ms: performance.now() - start });
    };
    child.on("error", (error) => {
      output += `${error.message}\n`;
      finish(-1, null);
    });
    child.on("close", finish);
    // A grandchild that keeps the pipe open must not hold the run up.
    child.on("exit", (code, signal) => setTimeout(() => finish(code, signal), 1000).unref());
  });
}

function killGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}
