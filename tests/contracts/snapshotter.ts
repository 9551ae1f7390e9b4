/**
 * What every snapshotter does, whoever implements it. Called by the tests of each implementation.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { mounted } from "../fixtures/mounted.ts";
import { type Implementation, layer, snapshotterCases } from "./snapshotter_case.ts";

/** Register the suite. */
export function snapshotterContract(implementation: Implementation): void {
  const contract = snapshotterCases(implementation);

  contract("prepare, write, commit, and the next sees it", async (s) => {
    await mounted(await s.prepare("a", undefined), "echo one > f; mkdir d; echo two > d/g");
    await s.commit("base", "a");
    await assert.rejects(s.mounts("a"), { code: "not_found" });
    const mounts = await s.prepare("b", "base");
    assert.deepEqual(await s.mounts("b"), mounts);
    assert.equal(await mounted(mounts, "cat f d/g; echo new > d/g; rm f"), "one\ntwo\n");
    await s.commit("top", "b");
    assert.equal(await mounted(await s.view("v", "top"), "ls; cat d/g"), "d\nnew\n");
    assert.equal(await mounted(await s.view("w", "base"), "cat f d/g"), "one\ntwo\n");
  });

  contract("a view cannot be written to", async (s) => {
    await layer(s, "one", undefined, { path: "f", data: "x" });
    await layer(s, "two", "one", { path: "g", data: "y" });
    for (const parent of ["one", "two"]) {
      const mounts = await s.view(`v-${parent}`, parent);
      await assert.rejects(mounted(mounts, "echo no > f"), /Read-only file system/);
      await assert.rejects(s.commit("x", `v-${parent}`), { code: "failed_precondition" });
    }
    await mounted(await s.view("empty", undefined), "ls");
  });

  contract("two active snapshots on one parent are independent", async (s) => {
    await layer(s, "base", undefined, { path: "f", data: "x" });
    await mounted(await s.prepare("a", "base"), "echo a > f; echo a > only-a");
    assert.equal(await mounted(await s.prepare("b", "base"), "cat f; ls"), "xf\n");
  });

  contract("names and keys are taken once", async (s) => {
    await s.prepare("a", undefined);
    await assert.rejects(s.prepare("a", undefined), { code: "already_exists" });
    await assert.rejects(s.view("a", undefined), { code: "already_exists" });
    await s.prepare("b", undefined);
    await s.commit("one", "a");
    await assert.rejects(s.commit("one", "b"), { code: "already_exists" });
    assert.equal((await s.stat("b")).kind, "active");
    await assert.rejects(s.commit("two", "a"), { code: "not_found" });
    await assert.rejects(s.commit("two", "one"), { code: "failed_precondition" });
  });

  contract("a parent must be committed", async (s) => {
    await s.prepare("a", undefined);
    await assert.rejects(s.prepare("b", "a"), { code: "failed_precondition" });
    await assert.rejects(s.prepare("b", "nope"), { code: "not_found" });
    await assert.rejects(s.stat("b"), { code: "not_found" });
  });

  contract("stat and walk tell kind, parent and labels", async (s) => {
    await s.prepare("a", undefined, { labels: { k: "v" } });
    await s.commit("base", "a", { labels: { l: "w" } });
    await s.prepare("b", "base", { labels: { m: "x" } });
    await s.view("c", "base");
    const info = await s.stat("b");
    assert.equal(info.parent, "base");
    assert.deepEqual(info.labels, { m: "x" });
    assert.ok(Math.abs(info.createdAt - Date.now()) < 60_000);
    assert.deepEqual((await s.stat("base")).labels, { k: "v", l: "w" });
    const all: string[] = [];
    for await (const { kind, name, parent } of s.walk()) all.push(`${kind} ${name} ${parent}`);
    assert.deepEqual(all.sort(), [
      "active b base",
      "committed base undefined",
      "view c base",
    ]);
  });

  contract("a snapshot with children cannot be removed, a leaf can", async (s, state) => {
    await layer(s, "base", undefined, { path: "d/f", data: "x" });
    await s.prepare("a", "base");
    await assert.rejects(s.remove("base"), { code: "failed_precondition" });
    await s.remove("a");
    await s.remove("base");
    await s.settled();
    await assert.rejects(s.remove("base"), { code: "not_found" });
    assert.deepEqual(readdirSync(join(state.dirs.data, "snapshots", s.name)), []);
  });

  contract("a large snapshot goes in the background", async (s, state) => {
    await mounted(
      await s.prepare("a", undefined),
      "mkdir -p x/y; cd x/y; seq 1 3000 | xargs touch",
    );
    await s.remove("a");
    await assert.rejects(s.stat("a"), { code: "not_found" });
    await s.settled();
    assert.deepEqual(readdirSync(join(state.dirs.data, "snapshots", s.name)), []);
  });

  contract("cleanup deletes what no record points to, and nothing else", async (s, state) => {
    await layer(s, "base", undefined, { path: "f", data: "x" });
    const root = join(state.dirs.data, "snapshots", s.name);
    mkdirSync(join(root, "4711/fs/deep/er"), { recursive: true });
    await s.cleanup();
    assert.equal(existsSync(join(root, "4711")), false);
    assert.equal(await mounted(await s.view("v", "base"), "cat f"), "x");
  });

  contract("a directory that a crash left is no obstacle", async (s, state) => {
    const root = join(state.dirs.data, "snapshots", s.name);
    mkdirSync(join(root, "1/fs/old"), { recursive: true });
    assert.equal(await mounted(await s.prepare("a", undefined), "ls"), "");
  });

  contract("usage counts own bytes and inodes", async (s) => {
    await layer(s, "base", undefined, { path: "f", data: "x".repeat(100_000) });
    const base = await s.usage("base");
    assert.ok(base.bytes >= 100_000 && base.bytes < 200_000, String(base.bytes));
    const mounts = await s.prepare("a", "base");
    await mounted(mounts, "head -c 300000 /dev/zero > g; ln g h; sync g");
    const { bytes, inodes } = await s.usage("a");
    assert.ok(bytes >= 300_000 && inodes >= 2, `${bytes} ${inodes}`);
    await assert.rejects(s.usage("nope"), { code: "not_found" });
  });

  contract("layers add, replace, hide and empty", async (s) => {
    await layer(
      s,
      "one",
      undefined,
      { path: "./", mode: 0o711 },
      { path: "keep/", mode: 0o700, uid: 5, gid: 6, mtime: 1234 },
      { path: "keep/a", data: "a" },
      { path: "keep/b", data: "b" },
      { path: "gone/" },
      { path: "gone/x", data: "x" },
      { path: "emptied/" },
      { path: "emptied/old", data: "old" },
      { path: "file-to-dir", data: "f" },
      { path: "dir-to-file/" },
      { path: "dir-to-file/x" },
      { path: "anew/" },
      { path: "anew/old" },
    );
    await layer(
      s,
      "two",
      "one",
      { path: "keep/.wh.a" },
      { path: "keep/c", data: "c" },
      { path: ".wh.gone" },
      { path: "emptied/" },
      { path: "emptied/new", data: "new" },
      { path: "emptied/.wh..wh..opq" },
      { path: "file-to-dir/" },
      { path: "file-to-dir/x", data: "x" },
      { path: "dir-to-file", data: "d" },
      { path: ".wh.anew" },
      { path: "anew/" },
      { path: "anew/new" },
      { path: ".wh..wh.plnk/x" },
    );
    const found = await mounted(
      await s.prepare("c", "two"),
      "find . -mindepth 1 -printf '%P %y %m %U %G\\n' | sort; stat -c '%a' .; stat -c %Y keep",
    );
    assert.deepEqual(found.trim().split("\n"), [
      "anew d 755 0 0",
      "anew/new f 644 0 0",
      "dir-to-file f 644 0 0",
      "emptied d 755 0 0",
      "emptied/new f 644 0 0",
      "file-to-dir d 755 0 0",
      "file-to-dir/x f 644 0 0",
      "keep d 700 5 6",
      "keep/b f 644 0 0",
      "keep/c f 644 0 0",
      "711",
      s.rebase ? "1234" : found.trim().split("\n").at(-1)!,
    ]);
  });

  contract("a layer's entries go through symbolic links of lower layers", async (s) => {
    await layer(
      s,
      "one",
      undefined,
      { path: "usr/lib/" },
      { path: "usr/lib/old", data: "old" },
      { path: "lib", type: "2", link: "usr/lib" },
    );
    await layer(s, "two", "one", { path: "lib/new", data: "new" }, { path: "lib/.wh.old" });
    const found = await mounted(await s.prepare("c", "two"), "readlink lib; ls usr/lib");
    assert.equal(found, "usr/lib\nnew\n");
  });

  contract("a hard link may lead to a file of a lower layer", async (s) => {
    await layer(s, "one", undefined, { path: "d/f", data: "content", mode: 0o640 });
    await layer(s, "two", "one", { path: "link", type: "1", link: "d/f" });
    const found = await mounted(await s.prepare("c", "two"), "cat link; stat -c ' %h %a' d/f link");
    assert.equal(found, "content 2 640\n 2 640\n");
  });

  contract("a new container inherits the mode of the image's root", async (s) => {
    await layer(s, "one", undefined, { path: "./", mode: 0o750, uid: 3, gid: 4 });
    await layer(s, "two", "one", { path: "f" });
    const mounts = await s.prepare("c", "two");
    assert.equal(await mounted(mounts, "stat -c '%a %u %g' ."), "750 3 4\n");
  });

  contract("state directories are the owner's only", async (s, state) => {
    await s.prepare("a", undefined);
    const root = join(state.dirs.data, "snapshots", s.name);
    assert.equal(statSync(root).mode & 0o777, 0o700);
    assert.equal(statSync(join(root, "1")).mode & 0o777, 0o700);
  });
}
