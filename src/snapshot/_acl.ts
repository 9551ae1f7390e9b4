/**
 * Access lists that new files inherit from their directory. A layer says all that a file has, so what
 * the kernel adds is taken away again.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import { check, cstring } from "./_at.ts";

const ACCESS = cstring("system.posix_acl_access");
const DEFAULT = cstring("system.posix_acl_default");
const ABSENT = new Set<number>([-ERRNO.ENODATA, -ERRNO.EOPNOTSUPP]);

/** Whether what is made in a directory inherits a list. `directory` may be an `O_PATH` descriptor. */
export function hasDefaultAcl(directory: number): boolean {
  return sys(SYS.getxattr, cstring(`/proc/self/fd/${directory}`), DEFAULT, 0, 0) > 0;
}

/** Remove what an open file, or directory, inherited. */
export function removeAcls(fd: number, subject: string): void {
  for (const name of [ACCESS, DEFAULT]) {
    const result = sys(SYS.fremovexattr, fd, name);
    if (!ABSENT.has(result)) check("unpack", "fremovexattr", subject, result);
  }
}

/** The same of what cannot be opened. */
export function removeAclsAt(directory: number, name: string, subject: string): void {
  const path = cstring(`/proc/self/fd/${directory}/${name}`);
  const result = sys(SYS.lremovexattr, path, ACCESS);
  if (!ABSENT.has(result)) check("unpack", "lremovexattr", subject, result);
}
