/**
 * What a layer's whiteouts do, on overlayfs and on a merged tree.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ERRNO, S } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import { check, closeFd, cstring, DT_DIR, openDirectoryAt, readDirectory } from "./_at.ts";
import { setOpaque } from "./_metadata.ts";
import { type Root, splitPath } from "./_root.ts";

/** In an overlay's upper directory: a whiteout, or, where this layer made it anew, opaqueness. */
export function hideInOverlay(parent: number, name: string, path: string): void {
  const result = sys(SYS.mknodat, parent, cstring(name), S.S_IFCHR, 0);
  if (result !== -ERRNO.EEXIST) {
    check("unpack", "mknodat", path, result);
    return;
  }
  const fd = openDirectoryAt(parent, name);
  if (fd < 0) return; // this layer's own file, which hides what is below anyway
  try {
    setOpaque(fd, path);
  } finally {
    closeFd(fd);
  }
}

/** A name in a directory; both clean. */
export function below(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Note that a path and its parents are this layer's. */
export function noteOwn(own: Set<string>, path: string): void {
  for (let p = path; p !== "" && !own.has(p); [p] = splitPath(p)) own.add(p);
}

/** Delete what is in a directory and not of this layer. */
export function deleteForeign(
  root: Root,
  own: ReadonlySet<string>,
  path: string,
  directory: number,
): void {
  const fd = check("unpack", "openat", path, openDirectoryAt(directory, "."));
  try {
    for (const { name, type } of readDirectory(fd, path)) {
      const child = below(path, name);
      if (!own.has(child)) root.remove(fd, name);
      else if (type === DT_DIR) deleteForeignBelow(root, own, child, fd, name);
    }
  } finally {
    closeFd(fd);
  }
}

/** The same for a name, if it is a directory. */
export function deleteForeignBelow(
  root: Root,
  own: ReadonlySet<string>,
  path: string,
  parent: number,
  name: string,
): void {
  const fd = openDirectoryAt(parent, name);
  if (fd === -ERRNO.ENOTDIR || fd === -ERRNO.ELOOP || fd === -ERRNO.ENOENT) return;
  check("unpack", "openat", path, fd);
  try {
    deleteForeign(root, own, path, fd);
  } finally {
    closeFd(fd);
  }
}
