import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { needs } from "../fixtures/needs.ts";

// containerd: container root directories could be entered by every user of the host, who could then
// run the setuid programs in them.

test("CVE-2021-41103: other users cannot enter snapshots", needs("root"), async () => {
  const top = mkdtempSync(join(tmpdir(), "ctr-cve-"));
  const before = process.umask(0);
  const state = openState({ data: join(top, "data"), exec: join(top, "exec") });
  try {
    for (const name of ["overlayfs", "native"]) {
      const snapshotter = await openSnapshotter(name, state);
      await snapshotter.prepare("a", undefined);
      const { root } = await snapshotter.applyTarget("a");
      const above = root.slice(0, root.lastIndexOf("/"));
      assert.equal(statSync(above).mode & 0o077, 0, above);
    }
    assert.equal(statSync(state.dirs.data).mode & 0o077, 0);
  } finally {
    process.umask(before);
    state.close();
    rmSync(top, { recursive: true, force: true });
  }
});
