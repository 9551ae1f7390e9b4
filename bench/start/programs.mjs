/**
 * Runs programs and looks for them.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";

/** True when a program is on PATH, or is the path of one. */
export function installed(name) {
  const paths = name.includes("/")
    ? [name]
    : process.env.PATH.split(":").map((d) => `${d}/${name}`);
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @returns {string} stdout @throws {Error} with what it said when it fails */
export function run(argv, env = {}) {
  try {
    return execFileSync(argv[0], argv.slice(1), {
      encoding: "utf8",
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    throw new Error(`${argv.join(" ")}: ${error.stderr ?? error.message}`);
  }
}

export function firstLine(argv) {
  return run(argv).split("\n")[0].trim();
}
