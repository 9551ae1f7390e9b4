/**
 * Removes a directory of our own that holds files only.
 *
 * @module
 */

import { AT, ERRNO } from "../linux/mod.ts";
import { ProgramBuilder, type Ref, run } from "../program/mod.ts";

/** Every file that the engine, the runtime or the shim may have put into a container's directories. */
const KNOWN = [
  "config.json",
  "hostname",
  "hosts",
  "resolv.conf",
  "init",
  "state.json",
  "state.json.new",
  "shim.sock",
];

/**
 * Remove it; that it does not exist is fine. What we know goes by name, in one step and without
 * loading `node:fs`; anything else the slow way.
 */
export function removeDirectory(path: string): void {
  const p = new ProgramBuilder("remove");
  const removed = removeSteps(p, path);
  const result = run(p)(removed);
  if (result === 0 || result === -ERRNO.ENOENT) return;
  process.getBuiltinModule("node:fs").rmSync(path, { recursive: true, force: true });
}

/** The steps that remove it when nothing is in it but what we know. Returns the last. */
export function removeSteps(p: ProgramBuilder, path: string): Ref {
  const id = path.slice(path.lastIndexOf("/") + 1);
  for (const name of [...KNOWN, `${id}-json.log`]) {
    p.step("unlinkat", [AT.AT_FDCWD, `${path}/${name}`, 0], { mayFail: true });
  }
  p.step("unlinkat", [AT.AT_FDCWD, `${path}/rootfs`, AT.AT_REMOVEDIR], { mayFail: true });
  return p.step("unlinkat", [AT.AT_FDCWD, path, AT.AT_REMOVEDIR], { mayFail: true });
}
