/**
 * What the collector of garbage may take, and must.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { blobDirectory, type BlobStore } from "../../src/content/mod.ts";
import { type Images, openImages } from "../../src/image/mod.ts";
import { openSnapshotter, type Snapshotter } from "../../src/snapshot/mod.ts";
import { openState, type State } from "../../src/state/mod.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs");
const X = "docker.io/library/x:latest";

interface Bench {
  readonly images: Images;
  readonly registry: FakeRegistry;
  readonly state: State;
  readonly snapshotter: Snapshotter;
  readonly blobs: BlobStore;
  /** Names of files in the store, by kind. */
  files(): { blobs: number; ingest: number; snapshots: number; leases: number };
  /** The same store for another process. */
  other(blobs?: (store: BlobStore) => BlobStore): Images;
}

async function withStore(work: (bench: Bench) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-collect-"));
  const dirs = { data: join(root, "data"), exec: join(root, "exec") };
  const state = openState(dirs);
  const states = [state];
  try {
    const snapshotter = await openSnapshotter("overlayfs", state);
    const registry = new FakeRegistry();
    const blobs = blobDirectory(join(root, "data/content"));
    const count = (path: string) =>
      existsSync(join(dirs.data, path)) ? readdirSync(join(dirs.data, path)).length : 0;
    await work({
      images: openImages({ state, snapshotter, sources: registry.sources(blobs) }),
      registry,
      state,
      snapshotter,
      blobs,
      files: () => ({
        blobs: count("content/blobs/sha256"),
        ingest: count("content/ingest"),
        snapshots: count("snapshots/overlayfs"),
        leases: count("leases"),
      }),
      other: (wrap = (store) => store) => {
        const state = openState(dirs);
        states.push(state);
        return openImages({ state, snapshotter, sources: registry.sources(wrap(blobs)) });
      },
    });
    await snapshotter.settled();
  } finally {
    for (const each of states) each.close();
    rmSync(root, { recursive: true, force: true });
  }
}

const EMPTY = { blobs: 0, ingest: 0, snapshots: 0, leases: 0 };
const layers = (...names: string[]) => names.map((path) => [{ path, data: path }]);

test(
  "an image is removed beside a pull, which loses nothing",
  NEEDS,
  () =>
    withStore(async ({ images, registry, blobs, files, other }) => {
      registry.names.set("docker.io/library/old:latest", registry.image(layers("shared", "old")));
      registry.names.set(X, registry.image(layers("shared", "new")));
      await images.pull("old");
      const paused = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      registry.onChunk = async () => {
        paused.resolve();
        await go.promise;
      };
      const pulling = images.pull("x");
      await paused.promise;
      registry.onChunk = () => {};
      const before = files();
      const removed = await other().remove("old");
      assert.equal(
        removed.filter((one) => "deleted" in one).length,
        2,
        "the image and its own layer",
      );
      const { blobs: left, snapshots } = files();
      assert.equal(before.blobs - left, 3, "its manifest, configuration and layer");
      assert.equal(before.snapshots - snapshots, 1);
      go.resolve();
      const image = await pulling;
      for (const digest of [image.target, image.id]) assert.ok(await blobs.has(digest));
      assert.equal((await images.resolve("x")).id, image.id);
      assert.deepEqual({ ...files(), blobs: 0 }, { ...EMPTY, snapshots: 2 });
      await images.remove("x");
      assert.deepEqual(files(), EMPTY);
    }),
);

test(
  "a pull that ends while others mark keeps the old blobs that it found",
  NEEDS,
  () =>
    withStore(async ({ images, registry, blobs, other }) => {
      const amd64 = registry.image(layers("a"));
      const arm64 = registry.image(layers("b"), { architecture: "arm64" });
      registry.names.set(X, registry.index({ "linux/amd64": amd64, "linux/arm64": arm64 }));
      registry.names.set("docker.io/library/y:latest", registry.image(layers("other")));
      await images.pull("x");
      const image = await images.pull("x", { platform: "linux/arm64" });
      const document = JSON.parse(new TextDecoder().decode(await blobs.read(image.manifest)));
      await images.pull("y");
      await blobs.remove(image.manifest); // so the index leads there, but no further
      let begun = false;
      const slow = other((store) => ({
        ...store,
        list: async function* () {
          for await (const digest of store.list()) yield digest;
          if (begun) return;
          begun = true;
          await images.pull("x", { platform: "linux/arm64" });
        },
      }));
      await slow.remove("y");
      for (const { digest } of [document.config, ...document.layers]) {
        assert.ok(await blobs.has(digest), digest);
      }
    }),
);

test(
  "what an interrupted pull left stays for the next one, until somebody wants the space",
  NEEDS,
  () =>
    withStore(async ({ images, registry, state, files }) => {
      registry.names.set(X, registry.image(layers("one", "two")));
      registry.names.set("docker.io/library/y:latest", registry.image(layers("other")));
      registry.onChunk = () => {
        if (registry.fetched.length === 2) throw new Error("connection reset");
      };
      await assert.rejects(images.pull("x"), /reset/);
      registry.onChunk = () => {};
      const left = files().blobs;
      assert.ok(left >= 3, "documents and a layer");
      await images.pull("y");
      assert.equal(files().blobs, left + 3);
      const [lease] = (await state.leases()).list();
      assert.equal(lease?.purpose, "pull");
      await images.remove("y");
      assert.deepEqual(files(), EMPTY);
    }),
);

test(
  "a pull that finds leases of the dead that have expired collects what they held",
  NEEDS,
  () =>
    withStore(async ({ images, registry, state, blobs, files }) => {
      const leases = await state.leases();
      const dead = leases.take("pull", { keepMs: 1 });
      const digest = await blobs.write(new TextEncoder().encode("left"));
      dead.hold("blob", [digest]);
      dead.leave();
      await new Promise((resolve) => setTimeout(resolve, 5));
      registry.names.set(X, registry.image(layers("layer")));
      await images.pull("x");
      assert.equal(await blobs.has(digest), false);
      assert.equal(files().leases, 0);
    }),
);

test(
  "a pull that is refused leaves nothing, and one that finds nothing touches nothing",
  NEEDS,
  () =>
    withStore(async ({ images, registry, blobs, files }) => {
      registry.names.set(X, registry.image(layers("one"), { wrongDiffId: true }));
      await assert.rejects(images.pull("x"), { code: "data_loss" });
      assert.deepEqual(files(), EMPTY);
      const digest = await blobs.write(new TextEncoder().encode("unnamed"));
      await assert.rejects(images.pull("no-such-image"));
      assert.ok(await blobs.has(digest));
    }),
);

test(
  "an image that was removed by force below a container is whole when it is pulled again",
  NEEDS,
  () =>
    withStore(async ({ images, registry, snapshotter, blobs, files }) => {
      registry.names.set(X, registry.image(layers("one", "two")));
      const image = await images.pull("x");
      await snapshotter.prepare("container", image.chainId);
      await images.remove("x", { force: true });
      assert.deepEqual(files(), { ...EMPTY, snapshots: 3 });
      assert.equal((await images.pull("x")).chainId, image.chainId);
      for (const digest of registry.fetched) assert.ok(await blobs.has(digest));
      await snapshotter.remove("container");
      await images.remove("x");
      assert.deepEqual(files(), EMPTY);
    }),
);

test(
  "a document that is broken does not keep others from being collected",
  NEEDS,
  () =>
    withStore(async ({ images, registry, files, state }) => {
      registry.names.set(X, registry.image(layers("one")));
      registry.names.set("docker.io/library/y:latest", registry.image(layers("other")));
      const { target } = await images.pull("x");
      await images.pull("y");
      const { writeFileSync } = await import("node:fs");
      const path = join(state.dirs.data, "content/blobs", target.replace(":", "/"));
      writeFileSync(path, "broken");
      await images.remove("y");
      assert.equal(files().blobs, 1, "only the broken document itself has a name");
      await images.remove("x");
      assert.deepEqual(files(), EMPTY);
    }),
);
