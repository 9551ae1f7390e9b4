/**
 * Programs that run beside the bench and end with it.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

/**
 * Start a program and wait until it is ready.
 *
 * @param {readonly string[]} argv
 * @param {{ log: string, ready: () => boolean | Promise<boolean>, env?: Record<string, string> }} options
 * @returns {Promise<() => Promise<void>>} ends it
 */
export async function daemon(argv, { log, ready, env = {} }) {
  const fd = openSync(log, "a");
  const child = spawn(argv[0], argv.slice(1), {
    env: { ...process.env, ...env },
    stdio: ["ignore", fd, fd],
  });
  let ended = false;
  child.on("error", () => ended = true);
  child.on("exit", () => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    if (!await wait(() => ended, 15_000)) child.kill("SIGKILL");
    await wait(() => ended, 5_000);
  };
  if (!await wait(async () => ended || await ready(), 30_000) || ended) {
    await stop();
    throw new Error(`${argv[0]} did not start: ${readFileSync(log, "utf8").slice(-600)}`);
  }
  return stop;
}

/** Poll until it is so. @returns {Promise<boolean>} false when it took too long */
export async function wait(check, timeoutMs) {
  const end = Date.now() + timeoutMs;
  while (!await check()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** True when a socket's file is there. */
export function there(path) {
  return () => existsSync(path);
}

/** A port of the loopback interface that nobody uses now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
