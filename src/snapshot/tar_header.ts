/**
 * One tar header, with the PAX and GNU extensions that precede it, to an entry.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import {
  latin1,
  malformed,
  noNul,
  parseDecimal,
  parseTime,
  readNumber,
  upToNul,
} from "./_tar_fields.ts";
import type { Segment, SparseHeader } from "./tar_sparse.ts";

/** The kernel's PATH_MAX: longer names cannot be created by one call. */
const MAX_PATH = 4096;

export type TarType =
  | "file"
  | "hardlink"
  | "symlink"
  | "character"
  | "block"
  | "directory"
  | "fifo";

/** The header of one member, PAX and GNU extensions applied. */
export interface TarEntry {
  /** As written in the archive; hostile. */
  readonly path: string;
  readonly type: TarType;
  /** Target of a link; hostile. */
  readonly link: string;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of data that follow; of a sparse file, with its holes. */
  readonly size: number;
  readonly mtimeSec: number;
  readonly mtimeNs: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by name, from `SCHILY.xattr.*`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** The parts of a sparse file that follow, in order. */
  readonly sparse?: readonly Segment[];
}

/** What extension headers say of the next entry. */
export interface Overrides {
  path?: string;
  link?: string;
  pax?: Map<string, Uint8Array>;
  sparse?: SparseHeader;
}

/** The entry of a header block of type `flag`, whose data has `size` bytes. */
export function readEntry(
  block: Uint8Array,
  flag: string,
  size: number,
  over: Overrides,
): TarEntry {
  const { pax, sparse } = over;
  const text = (key: string): string | undefined => {
    const value = pax?.get(key);
    return value === undefined ? undefined : noNul(latin1(value), key);
  };
  const path = sparse?.path ?? text("path") ?? over.path ?? headerPath(block);
  const link = text("linkpath") ?? over.link ?? upToNul(block, 157, 100);
  if (path === "") throw malformed("an entry without a name");
  if (path.length > MAX_PATH || link.length > MAX_PATH) {
    throw malformed(`a name of ${Math.max(path.length, link.length)} bytes`);
  }
  const type = typeOf(flag, path);
  const mtime = pax?.get("mtime");
  const [mtimeSec, mtimeNs] = mtime === undefined
    ? [readNumber(block, 136, 12, "mtime", true), 0]
    : parseTime(latin1(mtime));
  const device = type === "character" || type === "block";
  return {
    path,
    type,
    link,
    mode: readNumber(block, 100, 8, "mode") & 0o7777,
    uid: id(text("uid"), block, 108, "uid"),
    gid: id(text("gid"), block, 116, "gid"),
    // Writers put the linked file's size into a link's header.
    size: type === "file" ? sparse?.size ?? size : 0,
    mtimeSec,
    mtimeNs,
    deviceMajor: device ? readNumber(block, 329, 8, "device") : 0,
    deviceMinor: device ? readNumber(block, 337, 8, "device") : 0,
    xattrs: pax && xattrsOf(pax),
    ...sparse === undefined || type !== "file" ? {} : { sparse: sparse.segments },
  };
}

function typeOf(flag: string, path: string): TarType {
  switch (flag) {
    case "0":
    case "\0":
    case "7":
    case "S":
      return path.endsWith("/") ? "directory" : "file";
    case "1":
      return "hardlink";
    case "2":
      return "symlink";
    case "3":
      return "character";
    case "4":
      return "block";
    case "5":
      return "directory";
    case "6":
      return "fifo";
    default:
      throw new CtrError({
        code: "not_implemented",
        operation: "read tar archive",
        reason: `unknown entry type ${JSON.stringify(flag)}`,
      });
  }
}

/** The name field, with the prefix of POSIX headers; GNU ones keep other things there. */
function headerPath(block: Uint8Array): string {
  const name = upToNul(block, 0, 100);
  if (upToNul(block, 257, 6) !== "ustar") return name; // GNU: "ustar " without a NUL
  const star = block[508] === 0x74 && block[509] === 0x61 && block[510] === 0x72; // "tar"
  const prefix = upToNul(block, 345, star ? 131 : 155);
  return prefix === "" ? name : `${prefix}/${name}`;
}

function id(pax: string | undefined, block: Uint8Array, at: number, field: string): number {
  const value = pax === undefined ? readNumber(block, at, 8, field) : parseDecimal(pax, field);
  if (value >= 0xffffffff) throw malformed(`${field} ${value}`); // -1 means "leave it" to chown
  return value;
}

function xattrsOf(pax: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> | undefined {
  let found: Map<string, Uint8Array> | undefined;
  for (const [key, value] of pax) {
    if (!key.startsWith("SCHILY.xattr.")) continue;
    (found ??= new Map()).set(noNul(key.slice(13), "xattr name"), value);
  }
  return found;
}

/** Throw unless the header's checksum is right; old writers summed signed bytes. */
export function verifyChecksum(block: Uint8Array): void {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let i = 0; i < 512; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = block[i]!;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const stored = readNumber(block, 148, 8, "checksum");
  if (stored !== unsigned && stored !== signed) throw malformed("a header's checksum is wrong");
}
