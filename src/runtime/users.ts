/**
 * Who `--user` means: names are looked up in the container's own `/etc/passwd` and `/etc/group`,
 * which are hostile input.
 *
 * @see https://man7.org/linux/man-pages/man5/passwd.5.html
 * @module
 */

import { CtrError } from "../errors.ts";

/** A user in numbers. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Home directory, `/` when unknown. */
  readonly home: string;
}

const MAX_ID = 0x7fffffff;

/**
 * Resolve `USER[:GROUP]`, names or numbers, as Docker does: a number need not be listed, a name must.
 *
 * @param read gives the text of `etc/passwd` or `etc/group`, `""` when there is none
 * @throws {CtrError} `not_found` for a name that is not listed
 */
export function resolveUser(
  text: string,
  read: (file: "etc/passwd" | "etc/group") => string,
): ResolvedUser {
  const [userText = "", groupText = ""] = text.split(":", 2);
  const user = userText === "" ? "0" : userText;
  const entry = lines(read("etc/passwd")).find(([name, , uid]) =>
    name === user || (isNumber(user) && uid === String(Number(user)))
  );
  if (entry === undefined && !isNumber(user)) throw unknown("user", user, "passwd");
  const uid = id(entry?.[2] ?? user, "user", user);
  const groups = lines(read("etc/group"));
  let gid: number;
  let additionalGids: number[] = [];
  if (groupText !== "") {
    const group = groups.find(([name]) => name === groupText);
    if (group === undefined && !isNumber(groupText)) throw unknown("group", groupText, "group");
    gid = id(group?.[2] ?? groupText, "group", groupText);
  } else {
    gid = entry === undefined ? 0 : id(entry[3] ?? "0", "group", entry[3] ?? "");
    const name = entry?.[0];
    additionalGids = groups
      .filter(([, , , members]) => name !== undefined && members?.split(",").includes(name))
      .map(([, , number]) => id(number ?? "", "group", number ?? ""));
  }
  return { uid, gid, additionalGids, home: entry?.[5] || "/" };
}

/** Where a user is at home; `/` when nobody says. */
export function homeOf(uid: number, passwd: string): string {
  return lines(passwd).find(([, , id]) => id === String(uid))?.[5] || "/";
}

/** A group of `--group-add`. */
export function resolveGroup(
  text: string,
  read: (file: "etc/group") => string,
): number {
  const group = lines(read("etc/group")).find(([name]) => name === text);
  if (group === undefined && !isNumber(text)) throw unknown("group", text, "group");
  return id(group?.[2] ?? text, "group", text);
}

function lines(text: string): string[][] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function id(text: string, kind: string, subject: string): number {
  const value = isNumber(text) ? Number(text) : NaN;
  if (value >= 0 && value <= MAX_ID) return value;
  throw new CtrError({
    code: "invalid_argument",
    operation: `use ${kind}`,
    subject,
    reason: `ids are numbers from 0 to ${MAX_ID}`,
  });
}

function unknown(kind: string, name: string, file: string): CtrError {
  return new CtrError({
    code: "not_found",
    operation: `find ${kind}`,
    subject: name,
    reason: `no matching entry in the container's /etc/${file}`,
  });
}
