import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { codeOf } from "../src/errors.ts";
import { createVolumeSources, parseMount, parseTmpfs, parseVolume } from "./mounts.ts";

const volume = (text: string) => parseVolume(text, "/home/me");
const mount = (text: string) => parseMount(text, "/home/me");

function codeOfThrown(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return "nothing thrown";
}

test("parseVolume() reads source, target and options", () => {
  const bind = { type: "bind", source: "/a", destination: "/b", readonly: false, options: [] };
  assert.deepEqual(volume("/a:/b"), bind);
  assert.deepEqual(volume("/a/./c/..:/b:rw"), bind);
  assert.deepEqual(volume("/a:/b:cached"), bind);
  assert.deepEqual(volume("/a:/b:ro"), { ...bind, readonly: true, options: ["rro"] });
  assert.deepEqual(volume("/a:/b:ro,rslave"), {
    ...bind,
    readonly: true,
    options: ["rslave", "rro"],
  });
  assert.deepEqual(volume("/a:/b:bind,private").options, ["bind", "private"]);
});

test("parseVolume() takes a source that begins with a dot from the working directory", () => {
  for (
    const [text, source] of [["./x", "/home/me/x"], [".", "/home/me"], ["..", "/home"], [
      "../../../x",
      "/x",
    ]]
  ) assert.equal(volume(`${text}:/b`).source, source);
});

test("parseVolume() says what is missing and what is wrong", () => {
  for (const text of ["name:/b", "/anonymous", ".hidden:/b", "/a:/b:nocopy"]) {
    assert.equal(codeOfThrown(() => volume(text)), "not_implemented", text);
  }
  for (const text of ["/a:/b:ro:x", "/a:/b:bogus", "/a:", ":/b", "/a:/b:"]) {
    assert.equal(codeOfThrown(() => volume(text)), "invalid_argument", text);
  }
  assert.throws(() => volume("name:/b"), /write "\.\/name"/);
});

test("createVolumeSources() makes the directories that are not there", () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-volume-"));
  try {
    const flags = { volume: ["./a/b:/x", `${directory}:/y`], mount: [], tmpfs: [] };
    createVolumeSources(flags, directory);
    assert.ok(statSync(join(directory, "a/b")).isDirectory());
    assert.ok(!existsSync(join(directory, "x")));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("parseMount() reads binds", () => {
  const bind = { type: "bind", source: "/a", destination: "/b", readonly: false, options: [] };
  assert.deepEqual(mount("type=bind,source=/a,target=/b"), bind);
  assert.deepEqual(mount("type=bind,src=/a,dst=/b,readonly=false"), bind);
  assert.deepEqual(mount("type=bind,source=./a,destination=/b").source, "/home/me/a");
  for (const word of ["readonly", "ro", "readonly=true", "ro=1"]) {
    const { readonly, options } = mount(`type=bind,source=/a,target=/b,${word}`);
    assert.deepEqual([readonly, options], [true, ["rro"]], word);
  }
  const { options } = mount(
    "type=bind,source=/a,target=/b,ro,bind-propagation=shared,bind-recursive=writable",
  );
  assert.deepEqual(options, ["shared"]);
  assert.deepEqual(mount("type=bind,src=/a,dst=/b,bind-nonrecursive").options, ["bind"]);
});

test("parseMount() reads fields in quotes", () => {
  assert.equal(mount('type=bind,"source=/a,b",target=/c').source, "/a,b");
  assert.equal(mount('type=bind,"source=/a""b",target=/c').source, '/a"b');
  assert.throws(() => mount('type=bind,"source=/a,target=/c'), /quote/);
});

test("parseMount() reads tmpfs", () => {
  assert.deepEqual(mount("type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1770"), {
    type: "tmpfs",
    source: "tmpfs",
    destination: "/t",
    readonly: false,
    options: ["size=1048576", "mode=1770"],
  });
});

test("parseMount() says what is missing and what is wrong", () => {
  for (const text of ["type=volume,src=x,dst=/x", "dst=/x", "type=image,src=x,dst=/x"]) {
    assert.equal(codeOfThrown(() => mount(text)), "not_implemented", text);
  }
  const wrong = ["type=bogus,dst=/x", "type=bind,dst=/x", "type=bind,src=/x", "type=tmpfs"].concat([
    "type=bind,src=/x,dst=/x,bogus=1",
    "type=bind,src=/x,dst=/x,tmpfs-size=1m",
    "type=bind,src=/x,dst=/x,readonly=maybe",
    "type=bind,src=/x,dst=/x,bind-propagation=far",
    "type=bind,src=/x,dst=/x,bind-recursive=maybe",
    "type=tmpfs,dst=/x,tmpfs-size=lots",
    "type=tmpfs,dst=/x,tmpfs-mode=999",
  ]);
  for (const text of wrong) {
    assert.equal(codeOfThrown(() => mount(text)), "invalid_argument", text);
  }
});

test("parseTmpfs() keeps the file system's options", () => {
  assert.deepEqual(parseTmpfs("/t:size=64m,exec,ro"), {
    type: "tmpfs",
    source: "tmpfs",
    destination: "/t",
    readonly: true,
    options: ["size=64m", "exec"],
  });
  assert.deepEqual(parseTmpfs("/t").options, []);
});
