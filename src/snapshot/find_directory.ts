/**
 * Looking a directory up in a stack of layers as overlayfs would, without mounting anything.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { S } from "../linux/mod.ts";
import { SYS } from "../program/mod.ts";
import { closeFd, cstring, openInRoot, statusAt } from "./_at.ts";
import { isWhiteout } from "./_root.ts";
import { overlayPrefix } from "./_user_namespace.ts";

/**
 * Find the topmost layer that has `path` as a directory.
 *
 * @param layers descriptors of overlayfs upper directories, topmost first.
 * @returns the layer's descriptor; `missing` when there is no such path; `other` when the path, or a
 * parent of it, is something else, such as a symbolic link.
 */
export function findDirectory(
  layers: readonly number[],
  path: string,
): number | "missing" | "other" {
  if (path === "") return layers[0] ?? "missing";
  const parts = path.split("/");
  for (const layer of layers) {
    let hides = false;
    let depth = 1;
    for (; depth <= parts.length; depth++) {
      const prefix = parts.slice(0, depth).join("/");
      const status = statusAt(layer, prefix); // all before its last part were seen to be directories
      if (typeof status === "number") break;
      if (isWhiteout(status)) return "missing";
      if ((status.mode & S.S_IFMT) !== S.S_IFDIR) return "other";
      hides ||= isOpaque(layer, prefix);
    }
    if (depth > parts.length) return layer;
    if (hides) return "missing";
  }
  return "missing";
}

function isOpaque(layer: number, path: string): boolean {
  const fd = openInRoot(layer, path, 0);
  if (fd < 0) return false;
  const value = new Uint8Array(1);
  const length = sys(SYS.fgetxattr, fd, cstring(`${overlayPrefix()}opaque`), value, 1);
  closeFd(fd);
  return length === 1 && value[0] === 0x79;
}
