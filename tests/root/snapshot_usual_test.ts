import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { canUseErofs } from "../../src/snapshot/erofs/probe.ts";
import { openUsual } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "erofs");

test("openUsual() asks the kernel once a boot, and remembers", { skip }, () => {
  const root = mkdtempSync(join(tmpdir(), "ctr-usual-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  const memory = join(root, "exec/snapshotter");
  try {
    assert.equal(openUsual(state).name, "erofs");
    assert.equal(readFileSync(memory, "utf8"), "erofs\n");
    assert.deepEqual(readdirSync(join(root, "data")).filter((name) => /probe/.test(name)), []);
    writeFileSync(memory, "overlayfs\n");
    assert.equal(openUsual(state).name, "overlayfs");
    writeFileSync(memory, "over"); // what another process is writing
    assert.equal(openUsual(state).name, "erofs");
  } finally {
    state.close();
    rmSync(root, { recursive: true });
  }
});

test("canUseErofs() says no where a container could not have its files", { skip }, () => {
  const root = mkdtempSync(join(tmpdir(), "ctr-usual-"));
  try {
    assert.equal(canUseErofs(root), true);
    assert.equal(canUseErofs("/proc"), false);
    mkdirSync(join(root, `probe-${process.pid}`)); // of a process that was killed
    assert.equal(canUseErofs(root), true);
    assert.equal(existsSync(join(root, `probe-${process.pid}`)), false);
  } finally {
    rmSync(root, { recursive: true });
  }
});
