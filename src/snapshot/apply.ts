/**
 * Layer to directory: unpacks a layer's tar into a root, as containerd and Docker do.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { SYS } from "../program/mod.ts";
import { check, closeFd, openDirectoryAt } from "./_at.ts";
import { hostile } from "./_hostile.ts";
import {
  canMake,
  create,
  hardlink,
  makeSpecial,
  openNew,
  setLinkMetadata,
  setOwnerAndMode,
  writeAll,
} from "./_entries.ts";
import { hasDefaultAcl, removeAcls, removeAclsAt } from "./_acl.ts";
import { clearXattrs, setOpaque, setTimes } from "./_metadata.ts";
import { cleanPath, openRoot, splitPath } from "./_root.ts";
import { spaceGuard } from "./_space.ts";
import { below, deleteForeign, deleteForeignBelow, hideInOverlay, noteOwn } from "./_whiteout.ts";
import { type TarEntry, tarReader } from "./tar_reader.ts";
import type { Usage } from "./types.ts";

const WHITEOUT = ".wh.";
const WHITEOUT_META = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** What came of a layer. */
export interface ApplyResult {
  readonly usage: Usage;
  /** Directories made for entries below them that the layer does not list itself; byte strings. */
  readonly implied: readonly string[];
  /** Whether the layer lists its root directory. */
  readonly hasRoot: boolean;
  /**
   * Set when the layer cannot be unpacked without those below it: a hard link to a file of theirs,
   * or an opaque root. What was unpacked is then incomplete.
   */
  readonly needsLower: boolean;
}

/** Unpacks an archive that comes in chunks of any size. */
export interface Applier {
  /** @throws {CtrError} for a malformed archive; {@link SyscallError} for a failed operation. */
  push(chunk: Uint8Array): void;
  end(): ApplyResult;
  /** Close descriptors after a failure, or after `end`. What was unpacked stays. */
  close(): void;
}

/** Where and how to unpack. */
export interface ApplyOptions {
  /** A directory, or its descriptor, which is then closed with the applier. */
  readonly root: string | number;
  readonly whiteouts: "overlay" | "delete";
}

/** Where a sparse file goes on. */
function seek(fd: number, at: number, path: string): void {
  check("unpack", "lseek", path, sys(SYS.lseek, fd, at, 0));
}

/** Start to unpack a layer. */
export function applier(options: ApplyOptions): Applier {
  const root = openRoot(options.root, options.whiteouts === "delete");
  const room = spaceGuard(root.fd, "unpack layer");
  const overlay = options.whiteouts === "overlay";
  /** Real paths of this layer: whiteouts delete only what is of lower ones. Overlay needs none. */
  const own = overlay ? undefined : new Set<string>();
  /** Directories of this layer, by where they are. */
  const directoryTimes = new Map<string, TarEntry>();
  let bytes = 0;
  let inodes = 0;
  let hasRoot = false;
  /** Whether files in the directory of the last entry inherit an access list. */
  let inherits = false;
  let lastAbove: string | undefined;
  let needsLower = false;
  let file = -1;
  let current: TarEntry | undefined;

  const entry = (e: TarEntry): void => {
    current = e;
    root.recycle();
    if (needsLower) return;
    const path = cleanPath(e.path);
    if (path === "") return applyRoot(e);
    if (path.startsWith(WHITEOUT_META) && path !== OPAQUE) return; // aufs's own bookkeeping
    const [above, name] = splitPath(path);
    if (name.startsWith(WHITEOUT)) return whiteout(above, name, path);
    inodes++;
    const parent = root.directory(above);
    root.touch(above, parent);
    const place = own === undefined ? path : below(root.realPath(above, parent), name);
    if (own !== undefined) noteOwn(own, place);
    if (above !== lastAbove) inherits = hasDefaultAcl(parent);
    lastAbove = above;
    if (e.type === "directory") {
      const fd = root.makeDirectory(path, parent, name);
      root.implied.delete(path);
      clearXattrs(fd, path);
      setOwnerAndMode(fd, e, path);
      directoryTimes.set(place, e);
      return;
    }
    directoryTimes.delete(place);
    if (e.type === "file") {
      file = create(root, parent, path, () => openNew(parent, name));
      if (inherits) removeAcls(file, path);
    } else if (e.type === "hardlink") {
      needsLower = !hardlink(root, parent, name, path, e.link, overlay);
    } else {
      if (!canMake(e)) { // nobody could open it anyway
        if (own === undefined) hideInOverlay(parent, name, path);
        else root.remove(parent, name);
        return;
      }
      create(root, parent, path, () => makeSpecial(parent, name, e));
      if (inherits) removeAclsAt(parent, name, path);
      setLinkMetadata(parent, name, e, path);
    }
  };

  const applyRoot = (e: TarEntry): void => {
    if (e.type !== "directory") throw hostile(e.path, "it would replace the root directory");
    hasRoot = true;
    lastAbove = undefined;
    clearXattrs(root.fd, "/");
    setOwnerAndMode(root.fd, e, "/");
    directoryTimes.set("", e);
  };

  const whiteout = (above: string, name: string, path: string): void => {
    if (name === OPAQUE && above === "" && overlay) {
      needsLower = true; // overlayfs has no opaque root
      return;
    }
    if (name === OPAQUE) {
      const directory = root.directory(above);
      root.touch(above, directory);
      if (own === undefined) {
        const fd = check("unpack", "openat", path, openDirectoryAt(directory, "."));
        try {
          setOpaque(fd, above);
        } finally {
          closeFd(fd);
        }
      } else {
        deleteForeign(root, own, root.realPath(above, directory), directory);
      }
      return;
    }
    if (name.startsWith(WHITEOUT_META)) return;
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw hostile(path, "it is a whiteout of nothing");
    }
    if (own !== undefined) {
      const directory = root.existing(above);
      if (directory < 0) return;
      root.touch(above, directory);
      const target = below(root.realPath(above, directory), hidden);
      if (!own.has(target)) root.remove(directory, hidden);
      else deleteForeignBelow(root, own, target, directory, hidden);
      return;
    }
    hideInOverlay(root.directory(above), hidden, path);
  };

  const setDirectoryTimes = (path: string, sec: number, ns: number): void => {
    const fd = root.existing(path);
    if (fd < 0) return;
    check("unpack", "utimensat", path, setTimes(fd, path === "" ? "" : ".", sec, ns));
  };

  const reader = tarReader({
    entry,
    data: (chunk, at) => {
      if (file < 0) return;
      bytes += chunk.length;
      room(chunk.length);
      if (current!.sparse !== undefined) seek(file, at, current!.path);
      writeAll(file, chunk, current!.path);
    },
    end: () => {
      if (file < 0) return;
      const { path, size, sparse, mtimeSec, mtimeNs } = current!;
      if (sparse !== undefined) check("unpack", "ftruncate", path, sys(SYS.ftruncate, file, size));
      setOwnerAndMode(file, current!, path);
      check("unpack", "utimensat", path, setTimes(file, "", mtimeSec, mtimeNs));
      closeFd(file);
      file = -1;
    },
  });

  return {
    push: reader.push,
    end: () => {
      reader.end();
      // Last, because each entry that was added to a directory changed its times; deepest first is
      // not needed, since setting times changes no parent's.
      for (const [path, [sec, ns]] of root.times) {
        if (!directoryTimes.has(path)) setDirectoryTimes(path, sec, ns);
      }
      for (const [path, { mtimeSec, mtimeNs }] of directoryTimes) {
        setDirectoryTimes(path, mtimeSec, mtimeNs);
      }
      return { usage: { bytes, inodes }, implied: [...root.implied], hasRoot, needsLower };
    },
    close: () => {
      if (file >= 0) closeFd(file);
      file = -1;
      root.close();
    },
  };
}
