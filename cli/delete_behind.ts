/**
 * Deleting large directories while the person goes on: by `rm`, which outlives us. What it does
 * not get to, or where there is none, the next collection of garbage finds.
 *
 * @module
 */

import { closeSync, existsSync, openSync } from "node:fs";
import { spawnHost } from "../src/program/mod.ts";

/** So many names in one command line are always possible. */
const MOST = 500;

/** Start to delete what nothing refers to any more. Does not wait, and does not fail. */
export function deleteBehind(paths: ReadonlySet<string>): void {
  const executable = ["/bin/rm", "/usr/bin/rm"].find((path) => existsSync(path));
  if (paths.size === 0 || executable === undefined) return;
  const nowhere = openSync("/dev/null", "r+");
  try {
    const all = [...paths];
    for (let at = 0; at < all.length; at += MOST) {
      spawnHost({
        argv: ["rm", "-rf", "--", ...all.slice(at, at + MOST)],
        executable,
        env: [],
        fds: [nowhere, nowhere, nowhere],
        newSession: true,
        cwd: "/",
      });
    }
  } catch {
    // Out of processes or memory: it stays for now.
  } finally {
    closeSync(nowhere);
  }
}
