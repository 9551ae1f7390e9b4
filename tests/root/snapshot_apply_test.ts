import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { applier, type ApplyResult } from "../../src/snapshot/apply.ts";
import { needs } from "../fixtures/needs.ts";
import { type Member, tar } from "../fixtures/raw_tar.ts";

const { skip } = needs("root", "cmd:python3", "cmd:find", "cmd:stat");

/** A directory `root` beside a file that no archive may reach. */
function inRoot(work: (root: string, outside: string) => void): void {
  const top = fs.mkdtempSync(join(tmpdir(), "ctr-apply-"));
  fs.mkdirSync(join(top, "root"));
  fs.mkdirSync(join(top, "outside"));
  fs.writeFileSync(join(top, "outside/secret"), "secret");
  try {
    work(join(top, "root"), join(top, "outside"));
    assert.deepEqual(fs.readdirSync(join(top, "outside")), ["secret"], "something got out");
    assert.equal(fs.readFileSync(join(top, "outside/secret"), "utf8"), "secret");
    assert.deepEqual(fs.readdirSync(top).sort(), ["outside", "root"]);
    assert.deepEqual(openBelow(top), [], "descriptors are left open");
  } finally {
    fs.rmSync(top, { recursive: true, force: true });
  }
}

function openBelow(path: string): string[] {
  return fs.readdirSync("/proc/self/fd").map((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  }).filter((target) => target.startsWith(path));
}

function apply(
  root: string,
  members: readonly Member[],
  whiteouts: "overlay" | "delete" = "delete",
): ApplyResult {
  const unpacking = applier({ root, whiteouts });
  try {
    unpacking.push(tar(...members));
    return unpacking.end();
  } finally {
    unpacking.close();
  }
}

function mode(path: string): number {
  return fs.lstatSync(path).mode & 0o7777;
}

test("applier() restores modes, owners, types and times to the nanosecond", { skip }, () => {
  inRoot((root) => {
    const result = apply(root, [
      { path: "d/", mode: 0o2770, uid: 1, gid: 2, mtime: 500 },
      {
        path: "d/su",
        mode: 0o4711,
        uid: 3,
        gid: 4,
        data: "x",
        pax: { mtime: "1600000000.123456789" },
      },
      { path: "d/link", type: "2", link: "su", uid: 5, gid: 6, mtime: 700 },
      { path: "d/hard", type: "1", link: "d/su" },
      { path: "null", type: "3", major: 1, minor: 3, mode: 0o666 },
      { path: "big", type: "4", major: 259, minor: 300 },
      { path: "pipe", type: "6", mode: 0o622, mtime: 800 },
      { path: "later/", mode: 0o700, mtime: 900 },
      { path: "later/file" },
      { path: "locked/", mode: 0o0 },
      { path: "locked/in" },
    ]);
    assert.equal(result.usage.inodes, 11);
    assert.equal(result.usage.bytes, 1);
    assert.equal(mode(`${root}/d`), 0o2770);
    assert.equal(fs.statSync(`${root}/d`).mtimeMs, 500_000);
    const file = fs.lstatSync(`${root}/d/su`);
    assert.equal(
      String(execFileSync("stat", ["-c", "%.9Y", `${root}/d/su`])),
      "1600000000.123456789\n",
    );
    assert.deepEqual([mode(`${root}/d/su`), file.uid, file.gid, file.nlink], [0o4711, 3, 4, 2]);
    const link = fs.lstatSync(`${root}/d/link`);
    assert.deepEqual([link.uid, link.gid, link.mtimeMs], [5, 6, 700_000]);
    const device = execFileSync("stat", ["-c", "%F %t %T", `${root}/null`, `${root}/big`]);
    assert.equal(
      String(device),
      "character special file 1 3\nblock special file 103 12c\n",
    );
    assert.equal(mode(`${root}/null`), 0o666);
    assert.equal(fs.lstatSync(`${root}/pipe`).isFIFO(), true);
    assert.equal(fs.statSync(`${root}/later`).mtimeMs, 900_000);
    assert.equal(mode(`${root}/locked`), 0);
  });
});

test("applier() sets attributes and file capabilities, never overlayfs's own", { skip }, () => {
  inRoot((root) => {
    const capability = Uint8Array.from([
      1,
      0,
      0,
      2,
      0,
      32,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]);
    apply(root, [
      {
        path: "ping",
        mode: 0o755,
        uid: 9,
        pax: { "SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.a": "b\nc" },
      },
      {
        path: "d/",
        pax: {
          "SCHILY.xattr.trusted.overlay.opaque": "y",
          "SCHILY.xattr.trusted.overlay.redirect": "/etc",
          "SCHILY.xattr.user.overlay.opaque": "y",
          "SCHILY.xattr.user.ok": "1",
        },
      },
    ]);
    const got = (path: string): string =>
      String(execFileSync("python3", [
        "-c",
        "import os,sys\nfor n in sorted(os.listxattr(sys.argv[1])): print(n, os.getxattr(sys.argv[1], n).hex())",
        path,
      ]));
    const hex = [...capability].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    assert.equal(got(`${root}/ping`), `security.capability ${hex}\nuser.a 620a63\n`);
    assert.equal(got(`${root}/d`), "user.ok 31\n");
  });
});

test("applier() keeps names with .. and absolute names inside", { skip }, () => {
  for (const whiteouts of ["overlay", "delete"] as const) {
    inRoot((root, outside) => {
      apply(root, [
        { path: "../outside/a", data: "1" },
        { path: "../../../../../../tmp/../b", data: "2" },
        { path: `${outside}/secret`, data: "3" },
        { path: "x/../../outside/c", data: "4" },
        { path: "/etc/passwd", data: "5" },
        { path: "./../../outside/.wh.secret" },
        { path: "y", type: "1", link: "../../../outside/a" },
      ], whiteouts);
      assert.equal(fs.readFileSync(`${root}/outside/a`, "utf8"), "1");
      assert.equal(fs.readFileSync(`${root}${outside}/secret`, "utf8"), "3");
      assert.equal(fs.readFileSync(`${root}/etc/passwd`, "utf8"), "5");
      assert.equal(fs.readFileSync(`${root}/y`, "utf8"), "1");
    });
  }
});

test("applier() follows links of parents inside the root only", { skip }, () => {
  inRoot((root, outside) => {
    apply(root, [
      { path: "abs", type: "2", link: outside },
      { path: "abs/a", data: "1" },
      { path: "up", type: "2", link: "../../outside" },
      { path: "up/b", data: "2" },
      { path: "magic", type: "2", link: "/proc/self/root" },
      { path: "magic/c", data: "3" },
      { path: "one", type: "2", link: "two" },
      { path: "two", type: "2", link: "../outside/.." },
      { path: "one/d", data: "4" },
      { path: "file", type: "2", link: `${outside}/secret` },
      { path: "file", data: "replaced" },
      { path: "dir", type: "2", link: outside },
      { path: "dir/", mode: 0o777 },
      { path: "w", type: "2", link: outside },
      { path: "w/.wh.secret" },
      { path: "o", type: "2", link: outside },
      { path: "o/.wh..wh..opq" },
      { path: "h", type: "1", link: "file" },
    ]);
    assert.equal(fs.readFileSync(`${root}${outside}/a`, "utf8"), "1");
    assert.equal(fs.readFileSync(`${root}/file`, "utf8"), "replaced");
    assert.equal(fs.lstatSync(`${root}/file`).isSymbolicLink(), false);
    assert.equal(fs.lstatSync(`${root}/dir`).isDirectory(), true);
  });
});

test("applier() refuses loops, files as parents, whiteouts of nothing and missing link targets", {
  skip,
}, () => {
  const cases: [readonly Member[], string][] = [
    [[{ path: "a", type: "2", link: "a" }, { path: "a/b" }], "ELOOP"],
    [
      [{ path: "a", type: "2", link: "b" }, { path: "b", type: "2", link: "a" }, { path: "a/c" }],
      "",
    ],
    [[{ path: "f" }, { path: "f/x" }], "ENOTDIR"],
    [[{ path: "d/.wh." }], "whiteout"],
    [[{ path: "d/.wh.." }], "whiteout"],
    [[{ path: "d/.wh..." }], "whiteout"],
    [[{ path: ".", data: "x" }], "root"],
    [[{ path: "a/..", type: "2", link: "x" }], "root"],
    [[{ path: "l", type: "1", link: "nowhere" }], "does not exist"],
    [[{ path: "d/" }, { path: "l", type: "1", link: "d" }], "EPERM"],
    [[{ path: "n".repeat(300), pax: { path: "n".repeat(300) } }], "ENAMETOOLONG"],
  ];
  for (const [members, text] of cases) {
    inRoot((root) => {
      assert.throws(() => apply(root, members), (error: Error) => error.message.includes(text));
    });
  }
});

test("applier() lets a later member replace an earlier one of any type", { skip }, () => {
  const kinds: readonly ((path: string) => Member)[] = [
    (path) => ({ path, data: "file" }),
    (path) => ({ path: `${path}/` }),
    (path) => ({ path, type: "2", link: "elsewhere" }),
    (path) => ({ path, type: "6" }),
    (path) => ({ path, type: "3", major: 1, minor: 3 }),
    (path) => ({ path, type: "1", link: "target" }),
  ];
  for (const whiteouts of ["overlay", "delete"] as const) {
    inRoot((root) => {
      const members: Member[] = [{ path: "target", data: "t" }];
      const expected: string[] = ["target"];
      kinds.forEach((first, i) =>
        kinds.forEach((second, j) => {
          members.push(first(`x${i}${j}`), second(`x${i}${j}`));
          expected.push(`x${i}${j}`);
        })
      );
      members.push({ path: "full/a/b/c" }, { path: "full", data: "now a file" });
      apply(root, members, whiteouts);
      assert.deepEqual(fs.readdirSync(root).sort(), [...expected, "full"].sort());
      for (let i = 0; i < kinds.length; i++) {
        assert.ok(fs.lstatSync(`${root}/x${i}0`).isFile());
        assert.ok(fs.lstatSync(`${root}/x${i}1`).isDirectory());
        assert.ok(fs.lstatSync(`${root}/x${i}2`).isSymbolicLink());
      }
      assert.equal(fs.readFileSync(`${root}/target`, "utf8"), "t");
    });
  }
});

test("applier() forgets open parents when what they led through is replaced", { skip }, () => {
  inRoot((root, outside) => {
    apply(root, [
      { path: "a/b/" },
      { path: "a/b/one", data: "1" },
      { path: "a", type: "2", link: outside },
      { path: "a/b/two", data: "2" },
      { path: "c/" },
      { path: "l", type: "2", link: "c" },
      { path: "l/x", data: "x" },
      { path: "d/" },
      { path: "l", type: "2", link: "d" },
      { path: "l/y", data: "y" },
    ]);
    assert.equal(fs.readFileSync(`${root}${outside}/b/two`, "utf8"), "2");
    assert.deepEqual(fs.readdirSync(`${root}/c`), ["x"]);
    assert.deepEqual(fs.readdirSync(`${root}/d`), ["y"]);
  });
});

test("applier() makes what a dangling link of a parent points to, inside", { skip }, () => {
  inRoot((root) => {
    apply(root, [
      { path: "run", type: "2", link: "/var/run" },
      { path: "run/x", data: "1" },
      { path: "deep/l", type: "2", link: "../../../../made/here" },
      { path: "deep/l/y", data: "2" },
    ]);
    assert.equal(fs.readFileSync(`${root}/var/run/x`, "utf8"), "1");
    assert.equal(fs.readFileSync(`${root}/made/here/y`, "utf8"), "2");
  });
});

test("applier() takes names of any bytes and paths up to the kernel's limit", { skip }, () => {
  inRoot((root) => {
    const deep = "d/".repeat(1900) + "f";
    const name = "n".repeat(255);
    apply(root, [
      { path: "\xff\xfe-latin", data: "1" },
      { path: "x", pax: { path: 'caf\xc3\xa9\n\t"' }, data: "2" },
      { path: "x", pax: { path: deep }, data: "3" },
      { path: "x", pax: { path: `${name}/${name}` }, data: "4" },
    ]);
    const listed = execFileSync("find", [root, "-maxdepth", "1"]).toString("latin1");
    assert.ok(listed.includes("/\xff\xfe-latin\n"));
    assert.equal(fs.readFileSync(`${root}/caf\u00e9\n\t"`, "utf8"), "2");
    assert.equal(fs.readFileSync(`${root}/${name}/${name}`, "utf8"), "4");
    assert.equal(
      String(execFileSync("find", [root, "-name", "f", "-size", "1"])).length > 3800,
      true,
    );
    apply(root, [{ path: "d", data: "the tree is gone" }]);
    assert.equal(fs.readFileSync(`${root}/d`, "utf8"), "the tree is gone");
  });
});

test(
  "applier() keeps what this layer brought when it applies the layer's whiteouts",
  { skip },
  () => {
    inRoot((root) => {
      fs.mkdirSync(`${root}/d/sub`, { recursive: true });
      for (const name of ["d/old", "d/sub/old", "f"]) fs.writeFileSync(`${root}/${name}`, "old");
      apply(root, [
        { path: "d/sub/new", data: "new" },
        { path: "d/.wh..wh..opq" },
        { path: "f", data: "new" },
        { path: ".wh.f" },
        { path: ".wh.missing" },
        { path: "no/such/.wh.thing" },
      ]);
      assert.deepEqual(fs.readdirSync(`${root}/d`), ["sub"]);
      assert.deepEqual(fs.readdirSync(`${root}/d/sub`), ["new"]);
      assert.equal(fs.readFileSync(`${root}/f`, "utf8"), "new");
      assert.equal(fs.existsSync(`${root}/no`), false);
    });
  },
);

test("applier() does not depend on the umask", { skip }, () => {
  inRoot((root) => {
    const before = process.umask(0o077);
    try {
      apply(root, [{ path: "made/f", mode: 0o666 }, { path: "d/", mode: 0o777 }, {
        path: "p",
        type: "6",
        mode: 0o666,
      }]);
    } finally {
      process.umask(before);
    }
    assert.deepEqual(["made", "made/f", "d", "p"].map((p) => mode(`${root}/${p}`)), [
      0o755,
      0o666,
      0o777,
      0o666,
    ]);
  });
});

test("applier() says which file failed and leaves no descriptor", { skip }, () => {
  inRoot((root) => {
    assert.throws(() => apply(root, [{ path: "etc/shadow/x" }, { path: "etc/shadow/x/y" }]), {
      code: "invalid_argument",
      message: /^cannot unpack "etc\/shadow\/x": .*\(ENOTDIR\)$/,
    });
  });
});
