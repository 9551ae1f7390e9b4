import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { applier } from "../../src/snapshot/apply.ts";
import { needs } from "../fixtures/needs.ts";
import { type Member, tar } from "../fixtures/raw_tar.ts";

// Docker: symbolic and hard links in an image reached files of the host while it was unpacked
// (CVE-2014-6407), and so did absolute and `..` link targets (CVE-2014-9356).

function attack(name: string, members: (victim: string) => readonly Member[]): void {
  test(`CVE-2014-6407: ${name}`, needs("root"), () => {
    const top = fs.mkdtempSync(join(tmpdir(), "ctr-cve-"));
    try {
      const victim = join(top, "victim");
      fs.writeFileSync(victim, "untouched", { mode: 0o600 });
      for (const whiteouts of ["overlay", "delete"] as const) {
        const root = join(top, `root-${whiteouts}`);
        fs.mkdirSync(root);
        const unpacking = applier({ root, whiteouts });
        try {
          unpacking.push(tar(...members(victim)));
          unpacking.end();
        } catch {
          /* refusing is as good */
        } finally {
          unpacking.close();
        }
        const { mode, nlink } = fs.statSync(victim);
        assert.deepEqual([fs.readFileSync(victim, "utf8"), mode & 0o777, nlink], [
          "untouched",
          0o600,
          1,
        ]);
      }
      assert.deepEqual(fs.readdirSync(top).sort(), ["root-delete", "root-overlay", "victim"]);
    } finally {
      fs.rmSync(top, { recursive: true, force: true });
    }
  });
}

attack("a file is not written through a symbolic link", (victim) => [
  { path: "l", type: "2", link: victim },
  { path: "l", data: "overwritten", mode: 0o777 },
]);
attack("a directory is not entered through a symbolic link", (victim) => [
  { path: "d", type: "2", link: victim.slice(0, victim.lastIndexOf("/")) },
  { path: "d/victim", data: "overwritten" },
  { path: "d/new", data: "new" },
  { path: "d/.wh.victim" },
]);
attack("a hard link does not reach a file of the host", (victim) => [
  { path: "h", type: "1", link: victim },
  { path: "h", data: "overwritten" },
]);
attack("a hard link to a symbolic link does not lead out", (victim) => [
  { path: "s", type: "2", link: victim },
  { path: "h", type: "1", link: "s" },
  { path: "h", data: "overwritten" },
]);
attack("dots do not lead out", () => [
  { path: "../victim", data: "overwritten" },
  { path: "a/../../victim", data: "overwritten" },
  { path: "x", type: "2", link: "../victim" },
  { path: "x/y", data: "new" },
  { path: "../.wh.victim" },
]);
attack("a directory entry over a symbolic link changes no mode outside", (victim) => [
  { path: "l", type: "2", link: victim },
  { path: "l/", mode: 0o777 },
  { path: "m", type: "2", link: victim },
  { path: "m", type: "1", link: "m", mode: 0o777 },
]);
