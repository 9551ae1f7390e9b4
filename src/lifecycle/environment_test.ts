import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bundlePasswd, withEnvironment } from "./environment.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/sh\n5:x:6:6::/name:\nfive:x:5:5::/five:\nbad:x:7\n";
const env = (uid: number, env: readonly string[]) =>
  withEnvironment({ args: [], cwd: "/", user: { uid, gid: 0 }, env }, () => PASSWD).env;

test("withEnvironment() takes a user home, and the last of many values", () => {
  assert.deepEqual(env(0, ["A=1", "B=2", "A=3=4"]), ["A=3=4", "B=2", "HOME=/root"]);
  assert.deepEqual(env(5, ["HOME="]), ["HOME=/five"]);
  assert.deepEqual(env(7, []), ["HOME=/"]);
  assert.deepEqual(env(8, []), ["HOME=/"]);
  assert.deepEqual(env(0, ["HOME=/there"]), ["HOME=/there"]);
  for (const bad of ["A", "=b", ""]) {
    assert.throws(() => env(0, ["B=1", bad]), { code: "invalid_argument" }, bad);
  }
  const failing = () => {
    throw new Error("no root");
  };
  const process = { args: [], cwd: "/", user: { uid: 0, gid: 0 } };
  assert.deepEqual(withEnvironment(process, failing).env, ["HOME=/"]);
});

test("bundlePasswd() reads what will be there, inside the root", () => {
  const directory = mkdtempSync(join(tmpdir(), "ctr-passwd-"));
  try {
    const root = join(directory, "rootfs");
    mkdirSync(join(root, "etc"), { recursive: true });
    writeFileSync(join(directory, "passwd"), PASSWD);
    const spec = { ociVersion: "1.2.0" };
    assert.equal(bundlePasswd(root, spec)(), "");
    symlinkSync("../../passwd", join(root, "etc/passwd"));
    assert.equal(bundlePasswd(root, spec)(), ""); // the host's is out of reach
    writeFileSync(join(root, "passwd"), "mine");
    assert.equal(bundlePasswd(root, spec)(), "mine");
    const mounts = [{ destination: "/etc/passwd", source: join(directory, "passwd") }];
    assert.equal(bundlePasswd(root, { ...spec, mounts })(), PASSWD);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
