import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertSameTree,
  describeTree,
  withMounted,
  withUnpacked,
} from "../fixtures/erofs_image.ts";
import { needs } from "../fixtures/needs.ts";
import { random } from "../fixtures/random.ts";
import { join as concatenate, type Member, tar } from "../fixtures/raw_tar.ts";
import { type Part, SPARSE_FORMS, sparseFile } from "../fixtures/sparse_tar.ts";

const need = needs("root", "erofs", "cmd:getfattr", "cmd:find");

const capability = Uint8Array.from([1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const acl = Uint8Array.from([
  ...[2, 0, 0, 0],
  ...[1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 7, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255],
  ...[16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255],
]);

const everything: Member[] = [
  { path: "./", mode: 0o751, uid: 3, gid: 4, mtime: 77 },
  { path: "d/", mode: 0o1777, mtime: 1234 },
  { path: "d/empty", data: "" },
  { path: "d/one", data: "x", mode: 0o4755, uid: 70000, gid: 4_000_000_000 },
  { path: "d/block", data: "y".repeat(512) },
  { path: "d/large", data: Uint8Array.from({ length: 1_000_001 }, (_, i) => i * 7 + (i >> 9)) },
  { path: "d/again", type: "1", link: "d/large" },
  { path: "link", type: "2", link: "d/one", mtime: 5 },
  { path: "long-link", type: "2", pax: { linkpath: `${"t".repeat(200)}/`.repeat(19) } },
  ...[400, 440, 448, 449, 511, 512, 513, 1024].map((length) => ({
    path: `link-${length}`,
    type: "2",
    pax: { linkpath: "l".repeat(length) },
  })),
  { path: "null", type: "3", major: 1, minor: 3, mode: 0o666 },
  { path: "disk", type: "4", major: 259, minor: 70000, mode: 0o600 },
  { path: "fifo", type: "6", mode: 0o622 },
  { path: "x", pax: { path: `d/${"n".repeat(255)}` }, data: "long name" },
  { path: "caf\xc3\xa9/\xff\xfe", data: "bytes" },
  { path: "old", data: "before the epoch", pax: { mtime: "-1.25" } },
  { path: "new", data: "after 2038", pax: { mtime: "5000000000.123456789" } },
  { path: "ping", data: "elf", pax: { "SCHILY.xattr.security.capability": capability } },
  { path: "acl", data: "acl", mode: 0o640, pax: { "SCHILY.xattr.system.posix_acl_access": acl } },
  ...["a", "b", "c"].map((name) => ({
    path: `attributes-${name}/`,
    pax: {
      "SCHILY.xattr.user.shared": "the same everywhere",
      "SCHILY.xattr.user.own": name.repeat(300),
      "SCHILY.xattr.user.empty": "",
      "SCHILY.xattr.trusted.t": "trusted",
      "SCHILY.xattr.trusted.overlay.opaque": "y",
    },
  })),
  ...Array.from({ length: 300 }, (_, i) => ({ path: `many/${"!".repeat(i % 40)}${i}` })),
];

test("erofsImage() holds everything that a tar can say", need, async () => {
  const archive = tar(...everything);
  const expected = withUnpacked([archive], (root) => describeTree(root, true));
  await withMounted([archive], (root) => {
    const implied = /^\.\/(many|caf\xc3\xa9)\|d/; // made for what is in them: their time is now
    const keep = (lines: string[]) => lines.filter((line) => !implied.test(line));
    assertSameTree(keep(describeTree(root, true)), keep(expected));
    assert.ok(expected.length > 500);
  });
});

test("erofsImage() finds each name by itself, not by listing alone", need, async () => {
  await withMounted([tar(...everything)], (root) => {
    for (const name of readdirSync(join(root, "many"))) statSync(join(root, "many", name));
    assert.equal(readlinkSync(join(root, "link-513")).length, 513);
    assert.throws(() => statSync(join(root, "many/nope")), { code: "ENOENT" });
    assert.equal(
      readFileSync(join(root, "d/large"))[999_999],
      (999_999 * 7 + (999_999 >> 9)) & 255,
    );
  });
});

test("a file at the end of an archive that ends within a block is copied aside", need, async () => {
  const archive = tar({ path: "a", data: "a" }, { path: "last", data: "y".repeat(1500) });
  for (const end of [512 * 3 + 1500, 512 * 3 + 1535, 512 * 6]) {
    await withMounted([archive.subarray(0, end)], (root) => {
      assert.equal(readFileSync(join(root, "last"), "utf8"), "y".repeat(1500));
      assert.equal(readFileSync(join(root, "a"), "utf8"), "a");
    });
  }
  const short = withMounted([archive.subarray(0, 512 * 3 + 1499)], () => {});
  await assert.rejects(short, { code: "data_loss" });
});

test("sparse files of all forms are indexed as they are unpacked", need, async () => {
  const parts: Part[] = [[0, "start"], [5000, "x".repeat(700)], [1_000_000, "end"]];
  const lower = concatenate([
    ...SPARSE_FORMS.map((form) => sparseFile(form, `lower-${form}`, 3_000_000, parts)),
    tar({ path: "plain", data: "plain" }),
  ]);
  const upper = concatenate([
    sparseFile("1.0", "lower-gnu", 100, [[50, "replaced"]]),
    sparseFile("gnu", "hole", 1 << 30, [[1 << 30, ""]]),
    tar({ path: "link", type: "1", link: "lower-0.1" }),
  ]);
  const look = (root: string): string[] =>
    execFileSync("sh", ["-c", "sha256sum lower-* plain link; stat -c '%n %s %h %a' *"], {
      cwd: root,
      stdio: ["ignore", "pipe", "ignore"], // a shell does not know where a mount without a place is
    }).toString().split("\n");
  const expected = withUnpacked([lower, upper], look);
  assert.equal(expected.length, 14);
  assert.deepEqual(await withMounted([lower, upper], look), expected);
});

/** Layers that have few names, so that they replace, hide, link and lead through each other. */
function layersFrom(seed: number): Uint8Array[] {
  const { int, pick } = random(seed);
  const names = ["a", "b", "c", "d"];
  const path = () => Array.from({ length: 1 + int(3) }, () => pick(names)).join("/");
  const member = (): Member => {
    const at = path();
    // Without setgid: a directory that is made in such a one gets its group.
    const attributes = {
      mode: int(0o2000) | int(2) << 11,
      uid: int(3),
      gid: int(3),
      mtime: int(1000),
    };
    const kind = int(20);
    if (kind < 8) return { path: at, data: String(int(5)).repeat(int(1500)), ...attributes };
    if (kind < 13) return { path: `${at}/`, ...attributes };
    if (kind < 15) return { path: at, type: "1", link: path(), ...attributes };
    if (kind < 17) {
      const link = pick(["", "/", "../", "../../../"]) + path();
      return { path: at, type: "2", link, ...attributes };
    }
    if (kind < 18) return { path: `${at}/.wh..wh..opq` };
    return { path: at.replace(/(\w)$/, ".wh.$1") };
  };
  return Array.from({ length: 1 + int(4) }, () => tar(...Array.from({ length: int(9) }, member)));
}

test(
  "layers that are indexed are like layers that are unpacked, or both are refused",
  need,
  async () => {
    let same = 0;
    let refused = 0;
    for (let seed = 0; seed < 150; seed++) {
      const tars = layersFrom(seed);
      const attempt = async (work: () => string[] | Promise<string[]>) => {
        try {
          return await work();
        } catch (error) {
          assert.match((error as Error).message, /^cannot unpack/, `seed ${seed}`);
          return undefined;
        }
      };
      const expected = await attempt(() => withUnpacked(tars, (root) => describeTree(root)));
      const actual = await attempt(() => withMounted(tars, (root) => describeTree(root)));
      assert.equal(actual === undefined, expected === undefined, `seed ${seed}`);
      if (expected === undefined) refused++;
      else assertSameTree(actual!, expected, `seed ${seed}`);
      if (expected !== undefined) same++;
    }
    assert.ok(same > 30 && refused > 10, `${same} ${refused}`);
  },
);
