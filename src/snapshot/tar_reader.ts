/**
 * A streaming reader of tar archives: ustar, GNU and PAX. Pure: bytes in, entries out.
 *
 * Names are byte strings (one character per byte), because a tar archive does not say how its names
 * are encoded. What is not understood is an error, never skipped.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 * @module
 */

import { CtrError } from "../errors.ts";
import { readPaxRecords } from "./tar_pax.ts";

const BLOCK = 512;
/** Bounds what a PAX or GNU long-name header makes us keep in memory; Go's bound. */
const MAX_SPECIAL = 1 << 20;
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
  /** Bytes of data that follow. */
  readonly size: number;
  readonly mtimeSec: number;
  readonly mtimeNs: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by name, from `SCHILY.xattr.*`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
}

/** Receives an archive's members in order; throws to stop. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  /** Part of the data of the last entry; valid during the call only. */
  data(bytes: Uint8Array): void;
  /** All data of the last entry was given. */
  end(): void;
}

/** Feed it an archive in chunks of any size, then `end`. */
export interface TarReader {
  /** @throws {CtrError} `data_loss` for a malformed archive, `not_implemented` for a sparse file. */
  push(chunk: Uint8Array): void;
  /** @throws {CtrError} `data_loss` when the archive stops in the middle of a member. */
  end(): void;
}

interface Overrides {
  path?: string;
  link?: string;
  pax?: Map<string, Uint8Array>;
}

/** A reader that calls `handler` for each member. Bytes after the end of the archive are ignored. */
export function tarReader(handler: TarHandler): TarReader {
  const header = new Uint8Array(BLOCK);
  let headerLength = 0;
  let special: { type: string; bytes: Uint8Array; length: number } | undefined;
  let overrides: Overrides = {};
  let data = 0;
  let padding = 0;
  let zeroBlocks = 0;

  const takeHeader = (block: Uint8Array): void => {
    if (isZero(block)) {
      zeroBlocks++;
      return;
    }
    if (zeroBlocks > 0) throw malformed("data after a zero block");
    verifyChecksum(block);
    const type = String.fromCharCode(block[156]!);
    let size = readNumber(block, 124, 12, "size");
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      if (size > MAX_SPECIAL) throw malformed(`an extended header of ${size} bytes`);
      special = { type, bytes: new Uint8Array(size), length: 0 };
      padding = -size & (BLOCK - 1);
      if (size === 0) takeSpecial();
      return;
    }
    const paxSize = overrides.pax?.get("size");
    if (paxSize !== undefined) size = parseDecimal(latin1(paxSize), "size");
    const entry = readEntry(block, type, size, overrides);
    overrides = {};
    handler.entry(entry);
    data = entry.size;
    padding = -data & (BLOCK - 1);
    if (data === 0) handler.end();
  };

  const takeSpecial = (): void => {
    const { type, bytes } = special!;
    special = undefined;
    if (type === "x") overrides.pax = readPaxRecords(bytes);
    else if (type === "L") overrides.path = upToNul(bytes, 0, bytes.length);
    else if (type === "K") overrides.link = upToNul(bytes, 0, bytes.length);
    // "g": global defaults are ignored, as containerd and Docker do.
  };

  return {
    push: (chunk) => {
      let at = 0;
      while (at < chunk.length && zeroBlocks < 2) {
        if (special !== undefined) {
          const take = Math.min(special.bytes.length - special.length, chunk.length - at);
          special.bytes.set(chunk.subarray(at, at + take), special.length);
          special.length += take;
          at += take;
          if (special.length === special.bytes.length) takeSpecial();
        } else if (data > 0) {
          const take = Math.min(data, chunk.length - at);
          handler.data(chunk.subarray(at, at + take));
          data -= take;
          at += take;
          if (data === 0) handler.end();
        } else if (padding > 0) {
          const take = Math.min(padding, chunk.length - at);
          padding -= take;
          at += take;
        } else if (headerLength === 0 && chunk.length - at >= BLOCK) {
          at += BLOCK;
          takeHeader(chunk.subarray(at - BLOCK, at));
        } else {
          const take = Math.min(BLOCK - headerLength, chunk.length - at);
          header.set(chunk.subarray(at, at + take), headerLength);
          headerLength += take;
          at += take;
          if (headerLength === BLOCK) {
            headerLength = 0;
            takeHeader(header);
          }
        }
      }
    },
    end: () => {
      if (zeroBlocks >= 2) return;
      const pending = overrides.pax ?? overrides.path ?? overrides.link;
      if (headerLength > 0 || data > 0 || special !== undefined || pending !== undefined) {
        throw malformed("unexpected end");
      }
    },
  };
}

function readEntry(block: Uint8Array, flag: string, size: number, over: Overrides): TarEntry {
  const { pax } = over;
  for (const key of pax?.keys() ?? []) {
    if (key.startsWith("GNU.sparse.")) throw sparse();
  }
  const text = (key: string): string | undefined => {
    const value = pax?.get(key);
    return value === undefined ? undefined : noNul(latin1(value), key);
  };
  const path = text("path") ?? over.path ?? headerPath(block);
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
    size: type === "file" ? size : 0, // writers put the linked file's size into a link's header
    mtimeSec,
    mtimeNs,
    deviceMajor: device ? readNumber(block, 329, 8, "device") : 0,
    deviceMinor: device ? readNumber(block, 337, 8, "device") : 0,
    xattrs: pax && xattrsOf(pax),
  };
}

function typeOf(flag: string, path: string): TarType {
  switch (flag) {
    case "0":
    case "\0":
    case "7":
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
    case "S":
      throw sparse();
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

/** Octal text, or base-256 when the top bit is set. Empty is 0. */
function readNumber(
  block: Uint8Array,
  at: number,
  length: number,
  field: string,
  negative = false,
): number {
  if ((block[at]! & 0x80) !== 0) return readBase256(block, at, length, field, negative);
  let end = at + length;
  while (end > at && (block[end - 1] === 0 || block[end - 1] === 0x20)) end--;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = block[at]! - 0x30;
    if (digit < 0 || digit > 7) {
      if (block[at] === 0) break;
      throw malformed(`${field} is not a number`);
    }
    value = value * 8 + digit;
  }
  return value;
}

function readBase256(
  block: Uint8Array,
  at: number,
  length: number,
  field: string,
  negative: boolean,
): number {
  const isNegative = (block[at]! & 0x40) !== 0;
  const flip = isNegative ? 0xff : 0;
  let value = (block[at]! ^ flip) & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + (block[at + i]! ^ flip);
  if (isNegative) value = -value - 1;
  if (!Number.isSafeInteger(value) || (value < 0 && !negative)) {
    throw malformed(`${field} is out of range`);
  }
  return value;
}

function parseDecimal(text: string, field: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) {
    throw malformed(`${field} ${JSON.stringify(text)}`);
  }
  return value;
}

/** `-1.25` is one and a quarter seconds before the epoch: seconds -2, nanoseconds 750 000 000. */
function parseTime(text: string): [number, number] {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text);
  if (match === null) throw malformed(`mtime ${JSON.stringify(text)}`);
  const seconds = Number(match[2]);
  const ns = Number((match[3] ?? "").padEnd(9, "0").slice(0, 9));
  if (match[1] === "") return [seconds, ns];
  return ns === 0 ? [-seconds, 0] : [-seconds - 1, 1_000_000_000 - ns];
}

function verifyChecksum(block: Uint8Array): void {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = block[i]!;
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const stored = readNumber(block, 148, 8, "checksum");
  if (stored !== unsigned && stored !== signed) throw malformed("a header's checksum is wrong");
}

function isZero(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

function upToNul(bytes: Uint8Array, at: number, length: number): string {
  const nul = bytes.subarray(at, at + length).indexOf(0);
  return latin1(bytes.subarray(at, at + (nul < 0 ? length : nul)));
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}

function noNul(text: string, field: string): string {
  if (text.includes("\0")) throw malformed(`${field} contains a NUL`);
  return text;
}

function sparse(): CtrError {
  return new CtrError({
    code: "not_implemented",
    operation: "read tar archive",
    reason: "it contains a sparse file",
    hint: "build the layer without --sparse",
  });
}

function malformed(reason: string): CtrError {
  return new CtrError({ code: "data_loss", operation: "read tar archive", reason });
}
