import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { close } from "../../src/program/mod.ts";
import { writeChainIndex } from "../../src/snapshot/erofs/chain_index.ts";
import { keepLayer } from "../../src/snapshot/erofs/keep_layer.ts";
import { canUseErofs } from "../../src/snapshot/erofs/probe.ts";
import { openUsual } from "../../src/snapshot/mod.ts";
import { openAttached, openLayers } from "../../src/snapshot/open_layers.ts";
import { openState } from "../../src/state/mod.ts";
import { needs } from "../fixtures/needs.ts";
import { tar } from "../fixtures/raw_tar.ts";

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
    writeFileSync(join(root, `probe-${process.pid}`), "of a process that was killed");
    assert.equal(canUseErofs(root), true);
    assert.equal(existsSync(join(root, `probe-${process.pid}`)), false);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("layers that are mounts are laid over each other where overlayfs wants them attached", {
  skip,
}, async () => {
  const top = mkdtempSync(join(tmpdir(), "ctr-usual-"));
  try {
    for (const name of ["layer", "upper", "work"]) mkdirSync(join(top, name));
    const bytes = tar({ path: "d/f", data: "below" }, { path: "g", data: "hidden" });
    const directory = join(top, "layer");
    await keepLayer(
      { directory },
      (async function* () {
        yield bytes;
      })(),
    );
    const tarPath = join(directory, "tar");
    writeChainIndex(join(top, "index"), [{ directory, tarPath }]);
    const lower = { type: "erofs", source: join(top, "index"), options: [`device=${tarPath}`] };
    writeFileSync(join(top, "upper/g"), "above");
    for (const open of [openLayers, openAttached]) {
      const fd = open([join(top, "upper"), lower]);
      try {
        const root = `/proc/${process.pid}/fd/${fd}`;
        assert.equal(readFileSync(join(root, "d/f"), "utf8"), "below");
        assert.equal(readFileSync(join(root, "g"), "utf8"), "above");
      } finally {
        close(fd);
      }
    }
    assert.deepEqual(readdirSync(top).sort(), ["index", "layer", "upper", "work"]);
    assert.doesNotMatch(readFileSync("/proc/self/mounts", "utf8"), new RegExp(top));
  } finally {
    rmSync(top, { recursive: true });
  }
});
