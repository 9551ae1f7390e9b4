/**
 * A file tree in memory, as it will be in an EROFS image. Names and links are byte strings.
 *
 * @module
 */

/** What a name in a directory leads to, and which layer put it, or something below it, there. */
export interface Entry {
  readonly node: Node;
  layer: number;
}

/** One inode; hard links share it. */
export interface Node {
  readonly type: "file" | "directory" | "symlink" | "character" | "block" | "fifo";
  mode: number;
  uid: number;
  gid: number;
  mtimeSec: number;
  mtimeNs: number;
  xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** Of a directory. */
  readonly children?: Map<string, Entry>;
  /** Of a symbolic link. */
  readonly link?: string;
  /** Of a device, as the kernel encodes it. */
  readonly rdev?: number;
  /** Of a file: its bytes, which begin at a block of a device. */
  readonly data?: FileData;
}

/** Where a file's content is. */
export interface FileData {
  /** A layer's tar, or what was copied from it; from 0. */
  readonly device: number;
  /** Byte of it, a multiple of 512. */
  readonly offset: number;
  readonly size: number;
}

/** An empty directory, as one that an archive does not list is made. */
export function emptyDirectory(mtimeSec = 0, mtimeNs = 0): Node {
  return {
    type: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtimeSec,
    mtimeNs,
    xattrs: undefined,
    children: new Map(),
  };
}
