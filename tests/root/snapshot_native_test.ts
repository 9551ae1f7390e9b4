import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { withLoop } from "../fixtures/loop_fs.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";
import { openState } from "../../src/state/mod.ts";
import { snapshotterContract } from "../contracts/snapshotter.ts";
import type { Implementation } from "../contracts/snapshotter_case.ts";
import { snapshotterChangesContract } from "../contracts/snapshotter_changes.ts";
import { snapshotterTroubleContract } from "../contracts/snapshotter_trouble.ts";

const { skip } = needs("root", "overlayfs", "cmd:unshare");

const implementation: Implementation = {
  name: "native",
  open: (state) => openSnapshotter("native", state),
  skip,
};
snapshotterContract(implementation);
snapshotterChangesContract(implementation);
snapshotterTroubleContract(implementation);

/** What a container of 40 MB is prepared with, on a file system of this type: blocks it took. */
async function blocksOfCopy(type: "xfs" | "ext4", make: string): Promise<number> {
  return await withLoop(type, async (directory) => {
    const state = openState({ data: join(directory, "data"), exec: join(directory, "exec") });
    try {
      const s = await openSnapshotter("native", state);
      await mounted(await s.prepare("a", undefined), make);
      await s.commit("base", "a");
      const used = (): number => {
        execFileSync("sync", ["-f", directory]);
        const { blocks, bfree, bsize } = statfsSync(directory);
        return (blocks - bfree) * bsize;
      };
      const before = used();
      const same = "sha256sum < f; stat -c %s f";
      const seen = await mounted(await s.view("v", "base"), same);
      const mounts = await s.prepare("c", "base");
      const taken = used() - before;
      assert.equal(await mounted(mounts, same), seen);
      return taken;
    } finally {
      state.close();
    }
  });
}

const MB = 1 << 20;

test("native: a copy shares its blocks where the file system can", {
  skip: skip || needs("xfs", "loop", "cmd:mkfs.xfs").skip,
}, async () => {
  const taken = await blocksOfCopy("xfs", "head -c 40M /dev/urandom > f");
  assert.ok(taken < 10 * MB, String(taken));
});

test("native: holes are not copied, data is", {
  skip: skip || needs("loop", "cmd:mkfs.ext4").skip,
}, async () => {
  const script =
    "truncate -s 60M f; printf a >> f; truncate -s 90M f; printf b | dd of=f seek=5000 " +
    "conv=notrunc status=none; head -c 20M /dev/urandom > g";
  const taken = await blocksOfCopy("ext4", script);
  assert.ok(taken > 20 * MB && taken < 30 * MB, String(taken));
});
