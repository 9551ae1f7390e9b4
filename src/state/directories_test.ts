import assert from "node:assert/strict";
import { test } from "node:test";
import { directories } from "./directories.ts";

test("directories() gives root the system's places", () => {
  assert.deepEqual(directories({ uid: 0, env: { HOME: "/root", XDG_DATA_HOME: "/x" } }), {
    data: "/var/lib/ctr",
    exec: "/run/ctr",
  });
});

test("directories() gives an ordinary user the XDG base directories", () => {
  const env = { HOME: "/home/a", XDG_RUNTIME_DIR: "/run/user/7" };
  assert.deepEqual(directories({ uid: 7, env }), {
    data: "/home/a/.local/share/ctr",
    exec: "/run/user/7/ctr",
  });
  assert.equal(directories({ uid: 7, env: { ...env, XDG_DATA_HOME: "/d" } }).data, "/d/ctr");
  assert.equal(
    directories({ uid: 7, env: { HOME: "/h", XDG_DATA_HOME: "rel" } }).exec,
    "/tmp/ctr-7",
  );
});

test("directories() refuses relative paths and a user without a home", () => {
  assert.throws(() => directories({ uid: 0, dataRoot: "x" }), { code: "invalid_argument" });
  assert.throws(() => directories({ uid: 0, execRoot: "./x" }), { code: "invalid_argument" });
  assert.throws(() => directories({ uid: 1, env: {} }), { code: "invalid_argument" });
  assert.deepEqual(directories({ uid: 0, dataRoot: "/a", execRoot: "/b" }), {
    data: "/a",
    exec: "/b",
  });
});
