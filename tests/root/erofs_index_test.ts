/**
 * What is left of the index of a chain when its writer is killed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { blobDirectory } from "../../src/content/mod.ts";
import { openImages } from "../../src/image/mod.ts";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

test(
  "an index is written once by many, again after a crash, and nothing half stays",
  needs("root", "erofs"),
  async () => {
    const root = mkdtempSync(join(tmpdir(), "ctr-index-"));
    const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
    try {
      const snapshotter = await openSnapshotter("erofs", state);
      const registry = new FakeRegistry();
      const layers = ["one", "two"].map((path) => [{ path, data: path }]);
      registry.names.set("docker.io/library/x:latest", registry.image(layers));
      const sources = registry.sources(blobDirectory(join(root, "data/content")));
      const { chainId } = await openImages({ state, snapshotter, sources }).pull("x");
      const { number } = state.snapshots("erofs").get(chainId!)!;
      const index = join(root, `data/snapshots/erofs/${number}/index`);
      const { size } = statSync(index);
      rmSync(index);
      writeFileSync(`${index}.new`, "half of it, by a process that was killed");
      await Promise.all(["a", "b", "c"].map((key) => snapshotter.prepare(key, chainId)));
      assert.equal(statSync(index).size, size);
      assert.equal(existsSync(`${index}.new`), false);
      writeFileSync(`${index}.new`, "half of it");
      await snapshotter.cleanup();
      assert.equal(existsSync(`${index}.new`), false);
    } finally {
      state.close();
      rmSync(root, { recursive: true, force: true });
    }
  },
);
