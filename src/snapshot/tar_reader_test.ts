import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks, join, type Member, tar } from "../../tests/fixtures/raw_tar.ts";
import { type Part, SPARSE_FORMS, sparseFile } from "../../tests/fixtures/sparse_tar.ts";
import { type TarEntry, tarReader } from "./tar_reader.ts";

interface Read extends TarEntry {
  readonly data: string;
}

function read(archive: Uint8Array, chunk: () => number = () => archive.length): Read[] {
  const found: Read[] = [];
  let entry: TarEntry | undefined;
  let data = "";
  const reader = tarReader({
    entry: (e) => {
      entry = e;
      data = "";
    },
    data: (bytes) => void (data += String.fromCharCode(...bytes)),
    end: () => void found.push({ ...entry!, data }),
  });
  for (let at = 0; at < archive.length;) {
    const end = Math.min(archive.length, at + chunk());
    reader.push(archive.slice(at, end));
    at = end;
  }
  reader.end();
  return found;
}

function one(member: Member): Read {
  const [found, ...rest] = read(tar(member));
  assert.equal(rest.length, 0);
  return found!;
}

/** A small reproducible random generator (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test("tarReader() reads names, modes, owners, sizes and times of a ustar header", () => {
  const found = one({ path: "a/b", data: "hello", mode: 0o4755, uid: 7, gid: 8, mtime: 99 });
  assert.deepEqual(found, {
    path: "a/b",
    type: "file",
    link: "",
    mode: 0o4755,
    uid: 7,
    gid: 8,
    size: 5,
    mtimeSec: 99,
    mtimeNs: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: undefined,
    data: "hello",
  });
});

test("tarReader() knows all types of members", () => {
  const types: [string, string][] = [
    ["0", "file"],
    ["\0", "file"],
    ["7", "file"],
    ["1", "hardlink"],
    ["2", "symlink"],
    ["3", "character"],
    ["4", "block"],
    ["5", "directory"],
    ["6", "fifo"],
  ];
  for (const [flag, type] of types) {
    assert.equal(one({ path: "x", type: flag, link: "y" }).type, type);
  }
  assert.equal(one({ path: "old/", type: "0" }).type, "directory");
  const device = one({ path: "d", type: "3", major: 1, minor: 300 });
  assert.deepEqual([device.deviceMajor, device.deviceMinor], [1, 300]);
  assert.throws(() => one({ path: "x", type: "V" }), { code: "not_implemented" });
});

test("tarReader() joins the prefix of POSIX headers and leaves GNU ones alone", () => {
  assert.equal(one({ path: "name", raw: { 345: "some/prefix" } }).path, "some/prefix/name");
  assert.equal(one({ path: "name", raw: { 257: "ustar  \0", 345: "1234" } }).path, "name");
});

test("tarReader() applies PAX records to the next member only", () => {
  const long = "d/".repeat(300) + "f";
  const archive = tar(
    {
      path: "short",
      data: "abc",
      pax: {
        path: long,
        uid: "3000000000",
        gid: "5",
        mtime: "1700000000.123456789",
        "SCHILY.xattr.user.k": new Uint8Array([0, 10, 255]),
        "SCHILY.xattr.user.empty": "",
      },
    },
    { path: "next" },
  );
  const [first, second] = read(archive);
  assert.equal(first!.path, long);
  assert.equal(first!.uid, 3000000000);
  assert.equal(first!.gid, 5);
  assert.deepEqual([first!.mtimeSec, first!.mtimeNs], [1700000000, 123456789]);
  assert.deepEqual(first!.xattrs?.get("user.k"), new Uint8Array([0, 10, 255]));
  assert.deepEqual(first!.xattrs?.get("user.empty"), new Uint8Array(0));
  assert.equal(second!.path, "next");
  assert.equal(second!.xattrs, undefined);
});

test("tarReader() takes size, linkpath and times before the epoch from PAX", () => {
  const big = tar({ path: "x", type: "2", pax: { linkpath: "t".repeat(500), mtime: "-1.25" } });
  const [link] = read(big);
  assert.equal(link!.link.length, 500);
  assert.deepEqual([link!.mtimeSec, link!.mtimeNs], [-2, 750_000_000]);
  const sized = join([
    ...blocks({ path: "p", type: "x", data: "10 size=3\n" }),
    ...blocks({ path: "f" }),
    join([Uint8Array.from([1, 2, 3]), new Uint8Array(509)]),
  ]);
  assert.equal(read(sized)[0]!.data, "\x01\x02\x03");
});

test("tarReader() reads GNU long names and links", () => {
  const name = "n".repeat(700);
  const target = "t".repeat(300);
  const archive = tar(
    { path: "././@LongLink", type: "K", data: target + "\0" },
    { path: "././@LongLink", type: "L", data: name + "\0" },
    { path: "n", type: "2", link: "t" },
  );
  const [link] = read(archive);
  assert.equal(link!.path, name);
  assert.equal(link!.link, target);
});

test("tarReader() reads base-256 numbers and names that are not UTF-8", () => {
  const found = one({ path: "\xff\xfe", raw: { 108: "\x80\0\0\0\xff\xff\xff\xf0" } });
  assert.equal(found.uid, 0xfffffff0);
  assert.equal(found.path, "\xff\xfe");
  const early = one({ path: "x", raw: { 136: "\xff".repeat(12) } });
  assert.equal(early.mtimeSec, -1);
});

test("tarReader() ignores global PAX headers and what follows the end", () => {
  const archive = join([
    ...blocks({ path: "g", type: "g", data: "12 path=aaa\n" }),
    tar({ path: "x" }),
    new Uint8Array(5000).fill(65),
  ]);
  assert.deepEqual(read(archive).map(({ path }) => path), ["x"]);
  assert.deepEqual(read(new Uint8Array(0)), []);
  assert.deepEqual(read(new Uint8Array(512)), []);
});

test("tarReader() refuses malformed archives as data_loss", () => {
  const cases: Record<string, Uint8Array> = {
    "wrong checksum": tar({ path: "x", raw: { 148: "000000\0 " } }),
    "no name": tar({ path: "" }),
    "letters in a size": tar({ path: "x", raw: { 124: "zzz" } }),
    "negative size": tar({ path: "x", raw: { 124: "\xff".repeat(12) } }),
    "huge size": tar({ path: "x", raw: { 124: "\x80" + "\x7f".repeat(11) } }),
    "uid -1": tar({ path: "x", pax: { uid: "4294967295" } }),
    "uid text": tar({ path: "x", pax: { uid: "-5" } }),
    "mtime text": tar({ path: "x", pax: { mtime: "1e9" } }),
    "NUL in a path": tar({ path: "x", pax: { path: "a\0b" } }),
    "PAX bomb": tar({ path: "x", type: "x", data: new Uint8Array((1 << 20) + 1) }),
    "long name bomb": tar({ path: "x", type: "L", data: new Uint8Array(1 << 21) }),
    "path longer than the kernel takes": tar({ path: "x", pax: { path: "p".repeat(4097) } }),
    "PAX length 0": tar({ path: "x", type: "x", data: "0 a=b\n" }),
    "PAX length too large": tar({ path: "x", type: "x", data: "99 a=b\n" }),
    "PAX without newline": tar({ path: "x", type: "x", data: "6 a=bb" }),
    "PAX without key": tar({ path: "x", type: "x", data: "5 =b\n" }),
    "truncated header": tar({ path: "x" }).slice(0, 300),
    "truncated data": tar({ path: "x", data: "y".repeat(600) }).slice(0, 800),
    "header of nothing": join(blocks({ path: "x", type: "x", data: "6 a=b\n" })),
    "data after a zero block": join([new Uint8Array(512), ...blocks({ path: "x" })]),
  };
  for (const [name, archive] of Object.entries(cases)) {
    assert.throws(() => read(archive), { code: "data_loss" }, name);
  }
});

test("tarReader() gives the same members however the archive is cut", () => {
  const archive = tar(
    { path: "a/" },
    { path: "a/b", data: "x".repeat(1500), pax: { "SCHILY.xattr.user.a": "1" } },
    { path: "c", type: "2", link: "d" },
    { path: "././@LongLink", type: "L", data: "z".repeat(600) },
    { path: "z", data: "end" },
  );
  const whole = read(archive);
  const next = random(42);
  for (let i = 0; i < 200; i++) {
    assert.deepEqual(read(archive, () => 1 + Math.floor(next() * 700)), whole);
  }
  assert.deepEqual(read(archive, () => 1), whole);
});

test("tarReader() never fails other than with its own errors on mutated archives", () => {
  const parts: Part[] = [[0, "a"], [600, "b"], [700, "c"], [800, "d"], [900, "e"]];
  const archive = join([
    ...SPARSE_FORMS.map((form) => sparseFile(form, "s", 1000, parts)),
    tar(
      { path: "a/b", data: "x".repeat(700), pax: { path: "p", "SCHILY.xattr.user.a": "1" } },
      { path: "././@LongLink", type: "L", data: "z".repeat(600) },
      { path: "z", type: "1", link: "a" },
    ),
  ]);
  const next = random(7);
  for (let i = 0; i < 4000; i++) {
    const mutant = archive.slice(0, next() < 0.2 ? Math.floor(next() * archive.length) : undefined);
    for (let n = Math.floor(next() * 6); n >= 0; n--) {
      mutant[Math.floor(next() * mutant.length)] = Math.floor(next() * 256);
    }
    // Make checksums right, so that the mutation gets past them.
    for (let at = 0; at + 512 <= mutant.length && next() < 0.9; at += 512) {
      const block = mutant.subarray(at, at + 512);
      if (block[257] !== 0x75) continue;
      block.fill(0x20, 148, 156);
      const sum = block.reduce((total, byte) => total + byte, 0).toString(8).padStart(6, "0");
      block.set(Uint8Array.from(sum + "\0 ", (c) => c.charCodeAt(0)), 148);
    }
    try {
      for (const entry of read(mutant)) {
        assert.ok(entry.size >= 0 && entry.uid >= 0 && entry.path !== "");
      }
    } catch (error) {
      const { code } = error as { code?: string };
      assert.ok(code === "data_loss" || code === "not_implemented", String(error));
    }
  }
});
