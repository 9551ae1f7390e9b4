/**
 * Tar headers: ustar, with a PAX header before it where a value does not fit. Pure, and the same
 * entries give the same bytes.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 * @module
 */

import { CtrError } from "../errors.ts";
import type { TarEntry, TarType } from "./tar_header.ts";

const BLOCK = 512;
const MAX_ID = 0o7777777;
const MAX_OCTAL = 0o77777777777;

const FLAGS: Readonly<Record<TarType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** What {@link tarHeader} needs; the rest is 0 or nothing. Names are byte strings. */
export type TarMember = Pick<TarEntry, "path" | "type"> & Partial<TarEntry>;

/** Two zero blocks end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

/** Zeroes after `size` bytes of data. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array(-size & (BLOCK - 1));
}

/**
 * The header blocks of a member. `size` bytes of data follow, and {@link tarPadding}.
 *
 * @throws {CtrError} `invalid_argument` for a name with a NUL or a number that no header holds.
 */
export function tarHeader(member: TarMember): Uint8Array {
  const pax = paxRecords(member);
  const ustar = ustarHeader(member);
  if (pax.length === 0) return ustar;
  const before = ustarHeader(
    { path: "PaxHeaders/0", type: "file", mode: 0o644, size: pax.length },
    "x",
  );
  return join([before, pax, tarPadding(pax.length), ustar]);
}

function nameOf({ path, type }: TarMember): string {
  return type === "directory" && !path.endsWith("/") ? `${path}/` : path;
}

function paxRecords(member: TarMember): Uint8Array {
  const { link = "", uid = 0, gid = 0, size = 0, mtimeSec = 0, mtimeNs = 0, xattrs } = member;
  const records: Uint8Array[] = [];
  const add = (key: string, value: Uint8Array): void => void records.push(record(key, value));
  const path = nameOf(member);
  for (const name of [path, link]) {
    if (name.includes("\0")) throw unfit(name, "it contains a NUL");
  }
  if (path.length > 100) add("path", bytesOf(path));
  if (link.length > 100) add("linkpath", bytesOf(link));
  if (uid > MAX_ID) add("uid", bytesOf(String(uid)));
  if (gid > MAX_ID) add("gid", bytesOf(String(gid)));
  if (size > MAX_OCTAL) {
    if (!Number.isSafeInteger(size)) throw unfit(path, `its size is ${size}`);
    add("size", bytesOf(String(size)));
  }
  if (mtimeNs !== 0 || mtimeSec < 0 || mtimeSec > MAX_OCTAL) {
    add("mtime", bytesOf(timeText(mtimeSec, mtimeNs)));
  }
  const attributes = [...xattrs ?? []].sort(([a], [b]) => a < b ? -1 : 1);
  for (const [name, value] of attributes) add(`SCHILY.xattr.${name}`, value);
  return join(records);
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function record(key: string, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return join([bytesOf(`${length} ${key}=`), value, bytesOf("\n")]);
}

/** Seconds -2 and 750 000 000 ns are one and a quarter seconds before the epoch: `-1.25`. */
function timeText(sec: number, ns: number): string {
  const negative = sec < 0;
  const [whole, part] = !negative ? [sec, ns] : ns === 0 ? [-sec, 0] : [-sec - 1, 1e9 - ns];
  const fraction = part === 0 ? "" : `.${String(part).padStart(9, "0").replace(/0+$/, "")}`;
  return `${negative ? "-" : ""}${whole}${fraction}`;
}

function ustarHeader(member: TarMember, flag = FLAGS[member.type]): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string, most: number): void => {
    for (let i = 0; i < Math.min(text.length, most); i++) block[at + i] = text.charCodeAt(i);
  };
  const octal = (at: number, width: number, value = 0): void => {
    const text = value.toString(8);
    // What does not fit is in the PAX header, which wins.
    const fits = value >= 0 && text.length < width;
    put(at, (fits ? text : "0").padStart(width - 1, "0"), width - 1);
  };
  put(0, nameOf(member), 100);
  octal(100, 8, member.mode);
  octal(108, 8, member.uid);
  octal(116, 8, member.gid);
  octal(124, 12, member.type === "file" ? member.size : 0);
  octal(136, 12, member.mtimeSec);
  put(156, flag, 1);
  put(157, member.link ?? "", 100);
  put(257, "ustar\x0000", 8);
  for (const [at, number = 0] of [[329, member.deviceMajor], [337, member.deviceMinor]] as const) {
    if (number > MAX_ID) throw unfit(member.path, `its device number is ${number}`);
    octal(at, 8, number);
  }
  put(148, "        ", 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `, 8);
  return block;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function unfit(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "archive", subject, reason });
}
