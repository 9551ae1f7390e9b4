/**
 * Layers to one tree: the members of each are applied in order to what is there, as unpacking them
 * would do, so that links, whiteouts and implied directories see the layers below. In memory only.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md
 * @module
 */

import { CtrError } from "../../errors.ts";
import { display } from "../_at.ts";
import { hostile } from "../_hostile.ts";
import { isReserved } from "../_metadata.ts";
import { cleanPath, splitPath } from "../_root.ts";
import type { TarEntry } from "../tar_header.ts";
import { NAME_MAX } from "./format.ts";
import { emptyDirectory, type Entry, type Node } from "./node.ts";
import { type Place, resolve } from "./resolve.ts";
import type { TarMember } from "./scan.ts";

const WHITEOUT = ".wh.";
const WHITEOUT_META = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** Numbers of the files that a layer's content is in. */
export interface LayerDevices {
  readonly tar: number;
  /** What was copied aside. */
  readonly data: number;
}

/** An image's file tree, to which layers are applied from the bottom. */
export class LayerTree {
  readonly root: Entry = { node: emptyDirectory(), layer: -1 };
  #layer = -1;
  #devices: LayerDevices = { tar: 0, data: 0 };

  /**
   * Apply a layer's members on top.
   *
   * @param devices that its files point into, counted from 0.
   * @throws {CtrError} `invalid_argument` or `data_loss` for a hostile layer; the tree is then void.
   */
  apply(members: Iterable<TarMember>, devices: LayerDevices): void {
    this.#layer++;
    this.#devices = devices;
    for (const member of members) this.#applyMember(member);
  }

  #applyMember(member: TarMember): void {
    const { entry } = member;
    const path = cleanPath(entry.path);
    if (path === "") return this.#applyRoot(entry);
    if (path.startsWith(WHITEOUT_META) && path !== OPAQUE) return; // aufs's own bookkeeping
    const [above, name] = splitPath(path);
    if (name === OPAQUE) return this.#opaque(above, entry);
    if (name.startsWith(WHITEOUT_META)) return;
    if (name.startsWith(WHITEOUT)) return this.#whiteout(above, name.slice(WHITEOUT.length), path);
    if (name.length > NAME_MAX) throw hostile(path, `its name has ${name.length} bytes`);
    const parent = this.#parent(above, entry);
    const children = parent.at(-1)!.node.children!;
    const there = children.get(name);
    if (entry.type === "directory" && there?.node.type === "directory") {
      setAttributes(there.node, entry);
      there.layer = this.#layer;
    } else {
      const node = entry.type === "hardlink" ? this.#linked(entry) : this.#make(member);
      children.set(name, { node, layer: this.#layer });
    }
    for (const place of parent) place.layer = this.#layer;
  }

  #applyRoot(entry: TarEntry): void {
    if (entry.type !== "directory") {
      throw hostile(entry.path, "it would replace the root directory");
    }
    setAttributes(this.root.node, entry);
    this.root.layer = this.#layer;
  }

  #parent(path: string, { mtimeSec, mtimeNs }: TarEntry): Place {
    // The layer's own only with something in it.
    const make = (): Entry => ({ node: emptyDirectory(mtimeSec, mtimeNs), layer: -1 });
    const found = resolve(this.root, path, make);
    if (found === undefined) throw hostile(path, "it is not a directory");
    return found;
  }

  #opaque(path: string, entry: TarEntry): void {
    deleteForeign(this.#parent(path, entry).at(-1)!.node, this.#layer);
  }

  #whiteout(above: string, name: string, path: string): void {
    if (name === "" || name === "." || name === "..") {
      throw hostile(path, "it is a whiteout of nothing");
    }
    const children = resolve(this.root, above)?.at(-1)?.node.children;
    const hidden = children?.get(name);
    if (hidden === undefined) return;
    if (hidden.layer !== this.#layer) children!.delete(name);
    else deleteForeign(hidden.node, this.#layer);
  }

  #linked({ path, link }: TarEntry): Node {
    const [above, name] = splitPath(cleanPath(link));
    const found = resolve(this.root, above)?.at(-1)?.node.children?.get(name)?.node;
    if (found === undefined || found.type === "directory") {
      throw new CtrError({
        code: "data_loss",
        operation: "unpack",
        subject: display(path),
        reason: `the target of the hard link, ${JSON.stringify(display(link))}, ` +
          (found === undefined ? "does not exist" : "is a directory"),
      });
    }
    return found;
  }

  #make({ entry: e, offset, aside }: TarMember): Node {
    const node = { ...emptyDirectory(), type: e.type as Node["type"] };
    setAttributes(node, e);
    if (e.type === "directory") return node;
    const { children: _, ...rest } = node;
    if (e.type === "symlink") {
      if (e.link === "") throw hostile(e.path, "it is a symbolic link to nothing");
      return { ...rest, mode: 0o777, link: e.link };
    }
    if (e.type === "file") {
      const device = aside === true ? this.#devices.data : this.#devices.tar;
      return { ...rest, data: { device, offset, size: e.size } };
    }
    return { ...rest, rdev: encodeDevice(e) };
  }
}

function setAttributes(node: Node, entry: TarEntry): void {
  node.mode = entry.mode;
  node.uid = entry.uid;
  node.gid = entry.gid;
  node.mtimeSec = entry.mtimeSec;
  node.mtimeNs = entry.mtimeNs;
  const kept = [...entry.xattrs ?? []].filter(([name]) => !isReserved(name));
  node.xattrs = kept.length === 0 ? undefined : new Map(kept);
}

/** Delete what is below a directory and not of this layer. */
function deleteForeign(directory: Node, layer: number): void {
  for (const stack = [directory]; stack.length > 0;) {
    const { children } = stack.pop()!;
    for (const [name, entry] of children ?? []) {
      if (entry.layer !== layer) children!.delete(name);
      else if (entry.node.type === "directory") stack.push(entry.node);
    }
  }
}

/** 12 bits of major, 20 of minor. */
function encodeDevice({ path, deviceMajor: major, deviceMinor: minor }: TarEntry): number {
  if (major > 0xfff || minor > 0xfffff) throw hostile(path, `there is no device ${major}:${minor}`);
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
