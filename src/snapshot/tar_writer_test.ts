import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { TAR_END, tarHeader, type TarMember, tarPadding } from "./tar_writer.ts";
import { type TarEntry, tarReader } from "./tar_reader.ts";

const PLAIN: TarEntry = {
  path: "a/b",
  type: "file",
  link: "",
  mode: 0o4755,
  uid: 1000,
  gid: 50,
  size: 0,
  mtimeSec: 1_700_000_000,
  mtimeNs: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: undefined,
};

/** What our reader finds in a header, whose data is not given. */
function readBack(header: Uint8Array): TarEntry {
  let found: TarEntry | undefined;
  tarReader({ entry: (entry) => void (found = entry), data: () => {}, end: () => {} }).push(header);
  return found!;
}

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

const CASES: Readonly<Record<string, Partial<TarEntry>>> = {
  "a plain file": {},
  "100 bytes of name": { path: "x".repeat(100) },
  "101 bytes of name": { path: "x".repeat(101) },
  "a name of 4000 bytes": { path: "dir/".repeat(1000) + "f" },
  "names that are no UTF-8": { path: "caf\xe9", type: "symlink", link: "\xff\xfe" },
  "a long link": { type: "symlink", link: "y".repeat(300) },
  "a hard link": { type: "hardlink", link: "a/c" },
  "a directory": { path: "d/", type: "directory", mode: 0o1777 },
  "a device": { type: "block", deviceMajor: 259, deviceMinor: 1_048_575 },
  "a fifo": { type: "fifo" },
  "large owners": { uid: 4_294_967_294, gid: 2_097_152 },
  "8 GiB less a byte": { size: 8 * 2 ** 30 - 1 },
  "8 GiB": { size: 8 * 2 ** 30 },
  "petabytes": { size: 2 ** 52 + 1 },
  "nanoseconds": { mtimeNs: 120_000_000 },
  "before the epoch": { mtimeSec: -2, mtimeNs: 750_000_000 },
  "the year 2300": { mtimeSec: 10_413_792_000 },
  "attributes": {
    xattrs: new Map([["security.capability", bytes("\x01\0\0\x02\n=")], ["user.empty", bytes("")]]),
  },
};

for (const [name, part] of Object.entries(CASES)) {
  test(`tarHeader() writes what tarReader() reads: ${name}`, () => {
    const entry = { ...PLAIN, ...part };
    const header = tarHeader(entry);
    assert.equal(header.length % 512, 0);
    const { xattrs, ...rest } = readBack(header);
    const { xattrs: wanted, ...fields } = entry;
    assert.deepEqual(rest, fields);
    assert.deepEqual(xattrs?.size ? [...xattrs] : [], [...wanted ?? []]);
  });
}

test("tarHeader() counts the length of a record right where it grows a digit", () => {
  for (let length = 80; length < 120; length++) {
    const xattrs = new Map([["user.a", bytes("v".repeat(length))]]);
    assert.equal(readBack(tarHeader({ ...PLAIN, xattrs })).xattrs?.get("user.a")?.length, length);
  }
});

test("tarHeader() refuses what a reader would cut", () => {
  assert.throws(() => tarHeader({ path: "a\0b", type: "file" }), { code: "invalid_argument" });
  assert.throws(() => tarHeader({ path: "a", type: "file", size: 2 ** 60 }), /its size/);
});

test("tar(1) lists what tarHeader() writes", () => {
  const members: (TarMember & { data?: string })[] = [
    { path: "dir", type: "directory", mode: 0o755 },
    { path: `dir/${"n".repeat(150)}`, type: "file", mode: 0o640, size: 5, data: "hello" },
    { path: "dir/link", type: "symlink", link: "t".repeat(120), mode: 0o777 },
    { path: "hard", type: "hardlink", link: "dir/link" },
  ];
  const archive = [
    ...members.flatMap((member) => [
      tarHeader(member),
      bytes(member.data ?? ""),
      tarPadding(member.size ?? 0),
    ]),
    TAR_END,
  ];
  const listed = execFileSync("tar", ["-tf", "-"], { input: Buffer.concat(archive) });
  assert.deepEqual(String(listed).trim().split("\n"), [
    "dir/",
    `dir/${"n".repeat(150)}`,
    "dir/link",
    "hard",
  ]);
});
