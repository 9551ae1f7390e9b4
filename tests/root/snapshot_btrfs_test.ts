import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { snapshotterContract } from "../contracts/snapshotter.ts";
import type { Implementation } from "../contracts/snapshotter_case.ts";
import { snapshotterChangesContract } from "../contracts/snapshotter_changes.ts";
import { snapshotterTroubleContract } from "../contracts/snapshotter_trouble.ts";
import { mountLoop } from "../fixtures/loop_fs.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "btrfs", "loop", "cmd:unshare", "cmd:mkfs.btrfs");

let loop: ReturnType<typeof mountLoop> | undefined;
after(async () => (await loop)?.end());

const implementation: Implementation = {
  name: "btrfs",
  open: (state) => openSnapshotter("btrfs", state),
  skip,
  place: async () => (await (loop ??= mountLoop("btrfs"))).directory,
};
snapshotterContract(implementation);
snapshotterChangesContract(implementation);
snapshotterTroubleContract(implementation);

test("btrfs: subvolumes that a container made go with it", { skip }, async () => {
  const { directory } = await (loop ??= mountLoop("btrfs"));
  const root = mkdtempSync(join(directory, "nested-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    const s = await openSnapshotter("btrfs", state);
    const script = "mkdir d; btrfs -q subvolume create d/a; btrfs -q subvolume create d/a/b;" +
      "echo x > d/a/b/f; btrfs -q subvolume snapshot -r d/a/b d/readonly";
    await mounted(await s.prepare("a", undefined), script);
    await s.remove("a");
    await s.settled();
    assert.deepEqual(readdirSync(join(state.dirs.data, "snapshots/btrfs")), []);
    assert.deepEqual(execFileSync("btrfs", ["subvolume", "list", directory]).toString(), "");
  } finally {
    state.close();
  }
});

test("btrfs: another file system is refused in one line, and nothing stays", {
  skip: needs("root").skip,
}, async () => {
  const root = mkdtempSync(join(tmpdir(), "ctr-no-btrfs-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    const s = await openSnapshotter("btrfs", state);
    await assert.rejects(s.prepare("a", undefined), {
      code: "failed_precondition",
      message: /^cannot use snapshotter "btrfs": .* is not on a btrfs file system/,
    });
    await assert.rejects(s.stat("a"), { code: "not_found" });
    assert.deepEqual(readdirSync(join(state.dirs.data, "snapshots/btrfs")), []);
  } finally {
    state.close();
    rmSync(root, { recursive: true });
  }
});
