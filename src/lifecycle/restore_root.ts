/**
 * The root of a container that is restored, mounted where nobody else looks: CRIU wants it to be a mount
 * with nothing over it, and the caller's is left as it is.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { MNT_DETACH, MS } from "../linux/mod.ts";
import { call, ensureDirectory, rmdir, SYS } from "../program/mod.ts";

const cstring = (text: string) => new TextEncoder().encode(`${text}\0`);

/** Mount it. @param directory the container's @returns where, and what removes it */
export function makeRestoreRoot(
  directory: string,
  rootfs: string,
): Disposable & { readonly path: string } {
  const path = `${directory}/criu-root`;
  ensureDirectory(path, 0o700);
  const remove = () => removeRestoreRoot(directory);
  try {
    call("mount", rootfs, cstring(rootfs), cstring(path), 0, MS.MS_BIND | MS.MS_REC, 0);
    // Else to take it away would take away what is mounted below the caller's.
    call("mount", path, 0, cstring(path), 0, MS.MS_PRIVATE | MS.MS_REC, 0);
  } catch (error) {
    remove();
    throw error;
  }
  return { path, [Symbol.dispose]: remove };
}

/** Take it away, also what is left of a restore that was killed. */
export function removeRestoreRoot(directory: string): void {
  const path = `${directory}/criu-root`;
  sys(SYS.umount2, cstring(path), MNT_DETACH); // not mounted is as good
  rmdir(path);
}
