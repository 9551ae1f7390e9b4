/**
 * Removes a directory of our own that holds files only.
 *
 * @module
 */

import { exists, rmdir, unlink } from "../program/mod.ts";

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

/** Remove it. What we know goes by name, without loading `node:fs`; anything else the slow way. */
export function removeDirectory(path: string): void {
  if (!exists(path)) return;
  const id = path.slice(path.lastIndexOf("/") + 1);
  for (const name of [...KNOWN, `${id}-json.log`]) unlink(`${path}/${name}`);
  try {
    rmdir(`${path}/rootfs`);
    rmdir(path);
  } catch {
    process.getBuiltinModule("node:fs").rmSync(path, { recursive: true, force: true });
  }
}
