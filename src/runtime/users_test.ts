import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { layerReader } from "./layer_files.ts";
import { resolveGroup, resolveUser } from "./users.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
# a comment
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin

app:x:1000:1001:App:/home/app:/bin/sh
1234:x:77:78:A name of digits:/srv:/bin/sh
`;
const GROUP = `root:x:0:
wheel:x:10:root,app
audio:x:29:app
app:x:1001:
nogroup:x:65534:
`;
const read = (file: string) => file === "etc/passwd" ? PASSWD : GROUP;
const nothing = () => "";

test("resolveUser() finds names, and takes numbers as they are", () => {
  const app = { uid: 1000, gid: 1001, additionalGids: [10, 29], home: "/home/app" };
  assert.deepEqual(resolveUser("app", read), app);
  assert.deepEqual(resolveUser("1000", read), app);
  assert.deepEqual(resolveUser("", read), { uid: 0, gid: 0, additionalGids: [10], home: "/root" });
  assert.deepEqual(resolveUser("5555", read), {
    uid: 5555,
    gid: 0,
    additionalGids: [],
    home: "/",
  });
  assert.deepEqual(resolveUser("0", nothing), { uid: 0, gid: 0, additionalGids: [], home: "/" });
});

test("resolveUser() prefers a name to a number, and a given group to the user's", () => {
  assert.equal(resolveUser("1234", read).uid, 77);
  assert.deepEqual(resolveUser("app:audio", read), {
    uid: 1000,
    gid: 29,
    additionalGids: [],
    home: "/home/app",
  });
  assert.equal(resolveUser("app:4711", read).gid, 4711);
  assert.equal(resolveUser("7:8", nothing).gid, 8);
});

test("resolveUser() refuses what it cannot find and what is no id", () => {
  assert.throws(() => resolveUser("nobody-here", read), { code: "not_found" });
  assert.throws(() => resolveUser("app:nothing", read), { code: "not_found" });
  assert.throws(() => resolveUser("4294967296", read), { code: "invalid_argument" });
  assert.throws(() => resolveUser("2147483648", nothing), { code: "invalid_argument" });
  assert.throws(() => resolveUser("-1", read), { code: "not_found" });
  assert.throws(() => resolveUser("x", () => "x:x:notanumber:0::/:\n"), {
    code: "invalid_argument",
  });
});

test("resolveGroup() finds names and takes numbers", () => {
  assert.equal(resolveGroup("audio", read), 29);
  assert.equal(resolveGroup("4242", read), 4242);
  assert.throws(() => resolveGroup("video", read), { code: "not_found" });
});

test("resolveUser() answers or throws one of our errors, whatever the files hold", () => {
  let seed = 1;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const pieces = ["root", ":", "\n", "0", "\0", "x", "::::", "\r\n", "é", "99999999999", ",", "#"];
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: random(30) }, () => pieces[random(pieces.length)]).join("");
    for (const user of ["", "root", "0", "x:x", "é"]) {
      try {
        const { uid, gid, additionalGids } = resolveUser(user, () => text);
        for (const id of [uid, gid, ...additionalGids]) {
          assert.ok(Number.isInteger(id) && id >= 0 && id <= 0x7fffffff);
        }
      } catch (error) {
        assert.match(String((error as { code?: string }).code), /^(not_found|invalid_argument)$/);
      }
    }
  }
});

test("layerReader() reads the topmost file, inside its layer only", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctr-users-"));
  try {
    const layer = (name: string) => {
      mkdirSync(join(dir, name, "etc"), { recursive: true });
      return join(dir, name);
    };
    const [top, bottom] = [layer("top"), layer("bottom")];
    writeFileSync(join(bottom, "etc/passwd"), "below");
    writeFileSync(join(bottom, "etc/group"), "group");
    assert.equal(layerReader([top, bottom])("etc/passwd"), "below");
    writeFileSync(join(top, "etc/passwd"), "above");
    assert.equal(layerReader([top, bottom])("etc/passwd"), "above");
    assert.equal(layerReader([top, bottom])("etc/group"), "group");
    assert.equal(layerReader([top])("etc/group"), "");
    // A link leads to a file of the layer, never of the host.
    rmSync(join(top, "etc/passwd"));
    symlinkSync("/etc/hostname", join(top, "etc/passwd"));
    assert.equal(layerReader([top])("etc/passwd"), "");
    writeFileSync(join(top, "etc/hostname"), "inside");
    assert.equal(layerReader([top])("etc/passwd"), "inside");
    rmSync(join(top, "etc/passwd"));
    symlinkSync("../../../../../../../etc/hostname", join(top, "etc/passwd"));
    assert.equal(layerReader([top])("etc/passwd"), "inside");
    // A directory in the file's place.
    rmSync(join(top, "etc/passwd"));
    mkdirSync(join(top, "etc/passwd"));
    assert.equal(layerReader([top])("etc/passwd"), "");
  } finally {
    rmSync(dir, { recursive: true });
  }
});
