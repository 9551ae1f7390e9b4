import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { snapshotterContract } from "../contracts/snapshotter.ts";
import type { Implementation } from "../contracts/snapshotter_case.ts";
import { snapshotterChangesContract } from "../contracts/snapshotter_changes.ts";
import { snapshotterTroubleContract } from "../contracts/snapshotter_trouble.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "overlayfs", "cmd:unshare");

const implementation: Implementation = {
  name: "overlayfs",
  open: (state) => openSnapshotter("overlayfs", state),
  skip,
};
snapshotterContract(implementation);
snapshotterChangesContract(implementation);
snapshotterTroubleContract(implementation);

test("overlayfs: a volatile snapshot can be mounted again", { skip }, async () => {
  const root = mkdtempSync(join(tmpdir(), "ctr-volatile-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    const s = await openSnapshotter("overlayfs", state);
    await s.prepare("a", undefined);
    await s.commit("base", "a");
    const mounts = await s.prepare("c", "base", { volatile: true });
    assert.ok(mounts[0]!.options.includes("volatile"));
    await mounted(mounts, "echo x > f");
    assert.equal(await mounted(await s.mounts("c"), "cat f"), "x\n");
  } finally {
    state.close();
    rmSync(root, { recursive: true, force: true });
  }
});
