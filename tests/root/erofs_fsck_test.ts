/**
 * What erofs-utils say of our images. Those before 1.8 know no blocks of 512 bytes; where they are older
 * there is no test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { assertSameTree, describeTree, withMounted } from "../fixtures/erofs_image.ts";
import { needs, which } from "../fixtures/needs.ts";
import { join as concatenate, tar } from "../fixtures/raw_tar.ts";
import { SPARSE_FORMS, sparseFile } from "../fixtures/sparse_tar.ts";

const { skip } = needs("root", "erofs");

/** `1.8` as 108, and 0 without the tools. */
function versionIn(text: string): number {
  const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) * 100 + Number(minor);
}

function installed(): number {
  const fsck = which("fsck.erofs");
  return fsck === undefined ? 0 : versionIn(String(spawnSync(fsck, ["--version"]).stdout));
}

test("a version is read from what the tools print", () => {
  assert.equal(versionIn("fsck.erofs (erofs-utils) 1.8.6\n"), 108);
  assert.equal(versionIn("fsck.erofs 1.5\n"), 105);
  assert.equal(versionIn(""), 0);
});

if (installed() >= 108) {
  test("fsck.erofs finds nothing wrong, and extracts what is mounted", { skip }, async () => {
    const lower = tar(
      { path: "./", mode: 0o751, uid: 3, gid: 4 },
      { path: "d/", mode: 0o1777 },
      { path: "d/empty" },
      { path: "d/one", data: "x", mode: 0o4755, uid: 70000, gid: 4_000_000_000 },
      { path: "d/large", data: Uint8Array.from({ length: 300_001 }, (_, i) => i * 7 + (i >> 9)) },
      { path: "d/again", type: "1", link: "d/large" },
      ...[400, 448, 449, 512, 513, 1024].map((length) => ({
        path: `link-${length}`,
        type: "2",
        pax: { linkpath: "l".repeat(length) },
      })),
      { path: "null", type: "3", major: 1, minor: 3 },
      ...["a", "b"].map((name) => ({
        path: `attributes-${name}/`,
        pax: { "SCHILY.xattr.user.shared": "the same", "SCHILY.xattr.user.own": name.repeat(300) },
      })),
      ...Array.from({ length: 300 }, (_, i) => ({ path: `many/${"!".repeat(i % 40)}${i}` })),
    );
    const parts = [[0, "a"], [5000, "b".repeat(700)], [200_000, "end"]] as const;
    const upper = concatenate([
      ...SPARSE_FORMS.map((form) => sparseFile(form, `sparse-${form}`, 300_000, parts)),
      tar({ path: "many/.wh.1" }, { path: "d/one", data: "new" }, { path: "caf\xc3\xa9/\xff\xfe" }),
    ]);
    await withMounted([lower, upper], (root, image, devices) => {
      const flags = devices.map((path) => `--device=${path}`);
      const to = join(image, "../extracted");
      execFileSync("fsck.erofs", [...flags, image]);
      execFileSync("fsck.erofs", [...flags, `--extract=${to}`, "--xattrs", "--preserve", image]);
      assertSameTree(describeTree(to), describeTree(root));
      const said = String(execFileSync("dump.erofs", [...flags, "-s", image]));
      assert.match(said, /blocksize: +512/);
    });
  });
}
