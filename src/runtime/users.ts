/**
 * Who `--user` means: names are looked up in the container's own `/etc/passwd` and `/etc/group`,
 * which are hostile input.
 *
 * @see https://man7.org/linux/man-pages/man5/passwd.5.html
 * @module
 */

import { CtrError } from "../errors.ts";
import { close, open, openInRoot, readAll } from "../program/mod.ts";

/** A user in numbers. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Home directory, `/` when unknown. */
  readonly home: string;
}

const MAX_FILE = 4 << 20;
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

/** A group of `--group-add`. */
export function resolveGroup(
  text: string,
  read: (file: "etc/group") => string,
): number {
  const group = lines(read("etc/group")).find(([name]) => name === text);
  if (group === undefined && !isNumber(text)) throw unknown("group", text, "group");
  return id(group?.[2] ?? text, "group", text);
}

/**
 * A reader of files in a root file system that is not mounted: it looks into the directories of its
 * layers, topmost first, and follows links only inside one of them.
 */
export function layerReader(directories: readonly string[]): (file: string) => string {
  return (file) => {
    for (const directory of directories) {
      const root = open(directory, 0o10000000); // O_PATH
      let fd: number | undefined;
      try {
        fd = openInRoot(root, file, 0o4000); // O_NONBLOCK: a FIFO must not hold us
        return new TextDecoder().decode(readAll(fd, file, MAX_FILE));
      } catch (error) {
        const { errnoName } = error as { errnoName?: string };
        if (errnoName === "ENXIO") return ""; // a whiteout: deleted by this layer
        if (errnoName !== "ENOENT") throw error;
      } finally {
        if (fd !== undefined) close(fd);
        close(root);
      }
    }
    return "";
  };
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
