/**
 * The EROFS image of a chain of layers, from what is stored of each.
 *
 * @module
 */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { erofsImage } from "./image.ts";
import { dataFile } from "./labels.ts";
import { readMembers } from "./layer_files.ts";
import type { FileData } from "./node.ts";
import { find } from "./resolve.ts";
import { LayerTree } from "./tree.ts";

/** A layer, and where its tar is. */
export interface IndexedLayer {
  readonly directory: string;
  readonly tarPath: string;
}

/** Files that are looked at before a container starts: copies of them spare a mount. */
const ACCOUNTS = ["etc/passwd", "etc/group"];
/** Whoever reads them refuses larger ones. */
const MAX_ACCOUNTS = (4 << 20) + 1;

/**
 * Write the index of layers, bottom first. Atomic: it is there whole, or not at all. Its devices are,
 * layer by layer, the tar and what was copied aside, as far as there is one. Copies of `etc/passwd`
 * and `etc/group` are put beside it.
 *
 * @param temporary is written first, and renamed; nobody else may write it at the time.
 * @throws {CtrError} for layers that do not fit together, a hard link to nothing for instance.
 */
export function writeChainIndex(
  path: string,
  layers: readonly IndexedLayer[],
  temporary = `${path}.new`,
): void {
  const tree = new LayerTree();
  const devices: { readonly path: string; readonly size: number }[] = [];
  for (const { directory, tarPath } of layers) {
    const { members, tar, data } = readMembers(directory);
    const first = devices.length;
    if (tar > 0) devices.push({ path: tarPath, size: tar });
    const numbers = { tar: first, data: devices.length };
    if (data > 0) devices.push({ path: dataFile(directory), size: data });
    tree.apply(members, numbers);
  }
  const image = erofsImage(tree.root.node, devices.map(({ size }) => size));
  const beside = path.slice(0, path.lastIndexOf("/"));
  for (const name of ACCOUNTS) {
    const data = find(tree.root, name)?.node.data;
    if (data !== undefined) copyOut(data, devices[data.device]!.path, `${beside}/${name}`);
  }
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeFileSync(fd, image);
    fsyncSync(fd); // its name must not come back without its content after a power failure
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

function copyOut({ offset, size }: FileData, from: string, to: string): void {
  const bytes = new Uint8Array(Math.min(size, MAX_ACCOUNTS));
  const fd = openSync(from, "r");
  try {
    readSync(fd, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(fd);
  }
  mkdirSync(to.slice(0, to.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  writeFileSync(to, bytes, { mode: 0o600 });
}
