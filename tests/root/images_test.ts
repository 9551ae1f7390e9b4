import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { blobDirectory } from "../../src/content/mod.ts";
import { type ImageProgress, type Images, openImages } from "../../src/image/mod.ts";
import { openSnapshotter, type Snapshotter } from "../../src/snapshot/mod.ts";
import { type ContainerRecord, openState, type State } from "../../src/state/mod.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "overlayfs", "x86_64", "cmd:unshare");

interface Bench {
  readonly images: Images;
  readonly registry: FakeRegistry;
  readonly state: State;
  readonly snapshotter: Snapshotter;
  /** Files under blobs/sha256. */
  blobs(): string[];
  snapshots(): Promise<string[]>;
}

async function withImages(
  work: (bench: Bench) => Promise<void>,
  snapshotterName = "overlayfs",
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-images-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    const snapshotter = await openSnapshotter(snapshotterName, state);
    const registry = new FakeRegistry();
    const content = join(root, "data/content");
    const sources = registry.sources(blobDirectory(content));
    const images = openImages({ state, snapshotter, sources });
    await work({
      images,
      registry,
      state,
      snapshotter,
      blobs: () =>
        existsSync(join(content, "blobs/sha256")) ? readdirSync(join(content, "blobs/sha256")) : [],
      snapshots: async () => {
        const found: string[] = [];
        for await (const { name } of snapshotter.walk()) found.push(name);
        return found;
      },
    });
    await snapshotter.settled();
  } finally {
    state.close();
    rmSync(root, { recursive: true, force: true });
  }
}

function container(id: string, imageId: string): ContainerRecord {
  return { id, name: id, imageId, createdAt: 1 } as unknown as ContainerRecord;
}

const LAYERS = [
  [{ path: "a/", mode: 0o700 }, { path: "a/one", data: "1" }],
  [{ path: "a/two", data: "2" }, { path: "a/.wh.one" }],
  [{ path: "three", data: "x".repeat(100_000) }],
];

for (const snapshotterName of ["overlayfs", "native"]) {
  for (const compression of ["gzip", "zstd", "none"] as const) {
    const what = `pull() unpacks ${compression} layers with ${snapshotterName}`;
    test(what, { skip }, () =>
      withImages(async ({ images, registry, snapshotter, snapshots }) => {
        const manifest = registry.image(LAYERS, { compression, env: ["A=b"] });
        registry.names.set("docker.io/library/x:latest", manifest);
        const events: ImageProgress[] = [];
        const image = await images.pull("x", { onProgress: (event) => events.push(event) });
        assert.equal(image.name, "docker.io/library/x:latest");
        assert.equal(image.target, manifest.digest);
        assert.deepEqual(image.config.config?.Env, ["A=b"]);
        const mounts = await snapshotter.prepare("c", image.chainId);
        assert.equal(
          await mounted(mounts, "ls a; cat a/two; stat -c ' %a' a; wc -c < three"),
          "two\n2 700\n100000\n",
        );
        assert.equal((await snapshots()).length, 4);
        assert.deepEqual(
          [...new Set(events.map(({ status }) => status))].sort(),
          ["done", "downloading", "resolving", "unpacking", "waiting"],
        );
        assert.deepEqual(await images.resolve("x:latest"), image);
      }, snapshotterName));
  }
}

test(
  "pull() takes the manifest of the platform from an index",
  { skip },
  () =>
    withImages(async ({ images, registry }) => {
      const amd64 = registry.image([[{ path: "amd64" }]]);
      const arm = registry.image([[{ path: "arm" }]], { architecture: "arm" });
      const index = registry.index({ "linux/amd64": amd64, "linux/arm/v6": arm });
      registry.names.set("docker.io/library/x:latest", index);
      const image = await images.pull("x");
      assert.deepEqual([image.target, image.manifest], [index.digest, amd64.digest]);
      await assert.rejects(images.resolve("x", { platform: "linux/arm/v7" }), {
        code: "not_found",
        message: /not for linux\/arm\/v7/,
      });
      const other = await images.ensure("x", { platform: "linux/arm/v7" });
      assert.equal(other.manifest, arm.digest);
      await assert.rejects(images.pull("x", { platform: "linux/s390x" }), {
        code: "not_found",
        message: /it is for linux\/amd64, linux\/arm\/v6/,
      });
    }),
);

test(
  "pull() fetches only layers that are not unpacked yet",
  { skip },
  () =>
    withImages(async ({ images, registry }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS.slice(0, 2)));
      registry.names.set("docker.io/library/y:latest", registry.image(LAYERS));
      await images.pull("x");
      assert.equal(registry.fetched.length, 2);
      await images.pull("y");
      assert.equal(registry.fetched.length, 3);
      await images.pull("y");
      assert.equal(registry.fetched.length, 3);
    }),
);

test(
  "pull() by several at once unpacks a layer once",
  { skip },
  () =>
    withImages(async ({ images, registry, snapshots }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS));
      registry.onChunk = () => new Promise((resolve) => setTimeout(resolve, 5));
      await Promise.all([images.pull("x"), images.pull("x"), images.pull("x")]);
      assert.equal(registry.fetched.length, 3);
      assert.equal((await snapshots()).length, 3);
    }),
);

test(
  "pull() leaves no name and no half snapshot when a layer fails",
  { skip },
  () =>
    withImages(async ({ images, registry, state, snapshots }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS));
      registry.onChunk = (digest) => {
        if (digest === registry.fetched[1]) throw new Error("connection reset");
      };
      await assert.rejects(images.pull("x"), /connection reset/);
      assert.deepEqual(state.images.list(), []);
      assert.deepEqual(await snapshots(), []);
      registry.onChunk = () => {};
      await images.pull("x");
      assert.equal((await snapshots()).length, 3);
    }),
);

test(
  "pull() refuses a layer that is not what the configuration says",
  { skip },
  () =>
    withImages(async ({ images, registry, state, snapshots }) => {
      registry.names.set(
        "docker.io/library/x:latest",
        registry.image(LAYERS, { wrongDiffId: true }),
      );
      await assert.rejects(images.pull("x"), { code: "data_loss", message: /uncompressed digest/ });
      assert.deepEqual(await snapshots(), []);
      assert.deepEqual(state.images.list(), []);
    }),
);

test(
  "pull() stops when it is told to",
  { skip },
  () =>
    withImages(async ({ images, registry, snapshots }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS));
      const stop = new AbortController();
      registry.onChunk = () => stop.abort(new Error("enough"));
      await assert.rejects(images.pull("x", { signal: stop.signal }), /enough/);
      assert.deepEqual(await snapshots(), []);
    }),
);

test("ensure() obeys the pull policy", { skip }, () =>
  withImages(async ({ images, registry }) => {
    const name = "docker.io/library/x:latest";
    registry.names.set(name, registry.image(LAYERS.slice(0, 1)));
    await assert.rejects(images.ensure("x", { pull: "never" }), { code: "not_found" });
    const first = await images.ensure("x");
    registry.names.set(name, registry.image(LAYERS));
    assert.equal((await images.ensure("x")).id, first.id);
    assert.equal((await images.ensure("x", { pull: "never" })).id, first.id);
    const second = await images.ensure("x", { pull: "always" });
    assert.notEqual(second.id, first.id);
    assert.equal((await images.resolve(first.id)).id, first.id, "the old one stays, by ID");
    assert.equal((await images.resolve(second.id.slice(7, 20))).id, second.id);
    await assert.rejects(images.resolve("nope"), { code: "not_found" });
    await assert.rejects(images.resolve("sha256:"), { code: "invalid_argument" });
  }));

test(
  "ensure() unpacks again what another snapshotter has",
  { skip },
  () =>
    withImages(async ({ images, registry, state, snapshotter }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS));
      const image = await images.pull("x");
      const native = await openSnapshotter("native", state);
      const sources = registry.sources(blobDirectory(`${state.dirs.data}/content`));
      const other = openImages({ state, snapshotter: native, sources });
      assert.equal((await other.ensure("x", { pull: "never" })).id, image.id);
      const mounts = await native.prepare("c", image.chainId);
      assert.equal(await mounted(mounts, "cat a/two"), "2");
      assert.notEqual(snapshotter.name, native.name);
    }),
);

test(
  "list() groups names by image and tells sizes",
  { skip },
  () =>
    withImages(async ({ images, registry }) => {
      const manifest = registry.image(LAYERS);
      registry.names.set("docker.io/library/x:latest", manifest);
      registry.names.set("docker.io/library/x:1", manifest);
      registry.names.set(`localhost:5000/y@${manifest.digest}`, manifest);
      await images.pull("x");
      await images.pull("x:1");
      await images.pull(`localhost:5000/y@${manifest.digest}`);
      const [entry, ...others] = await images.list();
      assert.equal(others.length, 0);
      assert.deepEqual([...entry!.repoTags].sort(), ["x:1", "x:latest"]);
      assert.deepEqual([...entry!.repoDigests].sort(), [
        `localhost:5000/y@${manifest.digest}`,
        `x@${manifest.digest}`,
      ]);
      assert.equal(entry!.createdAt, Date.parse("2024-01-02T03:04:05Z"));
      assert.ok(entry!.size > 100_000);
    }),
);

test(
  "remove() untags, and deletes everything with the last name",
  { skip },
  () =>
    withImages(async ({ images, registry, blobs, snapshots }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS));
      registry.names.set(
        "docker.io/library/x:1",
        registry.names.get("docker.io/library/x:latest")!,
      );
      registry.names.set("docker.io/library/base:latest", registry.image(LAYERS.slice(0, 1)));
      const { target } = await images.pull("x");
      const { id } = await images.pull("x:1");
      await images.pull("base");
      assert.deepEqual(await images.remove("x:1"), [{ untagged: "x:1" }]);
      const removed = await images.remove("x");
      assert.deepEqual(removed.slice(0, 3), [
        { untagged: "x:latest" },
        { untagged: `x@${target}` },
        { deleted: id },
      ]);
      assert.equal(removed.length, 5, "two layers are not base's");
      assert.equal((await snapshots()).length, 1);
      assert.equal(blobs().length, 3, "manifest, configuration and layer of base");
      await assert.rejects(images.remove("x"), { code: "not_found" });
      await images.remove("base");
      assert.deepEqual(blobs(), []);
      assert.deepEqual(await snapshots(), []);
    }),
);

test(
  "remove() respects containers",
  { skip },
  () =>
    withImages(async ({ images, registry, state, snapshotter, snapshots }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS));
      const image = await images.pull("x");
      const id = "c".repeat(64);
      await snapshotter.prepare(id, image.chainId);
      state.containers.insert(container(id, image.id));
      await assert.rejects(images.remove("x"), {
        code: "conflict",
        message: /container cccccccccccc is using its referenced image/,
      });
      const isRunning = (): boolean => true;
      await assert.rejects(images.remove("x", { force: true, isRunning }), { code: "conflict" });
      await images.remove(image.id.slice(7, 19), { force: true });
      assert.equal((await snapshots()).length, 4, "the container keeps its layers");
      await assert.rejects(images.resolve("x"), { code: "not_found" });
    }),
);

test(
  "remove() by ID wants force when several repositories have the image",
  { skip },
  () =>
    withImages(async ({ images, registry }) => {
      const manifest = registry.image(LAYERS);
      registry.names.set("docker.io/library/x:latest", manifest);
      registry.names.set("docker.io/library/y:latest", manifest);
      const { id } = await images.pull("x");
      await images.pull("y");
      await assert.rejects(images.remove(id), {
        code: "conflict",
        message: /multiple repositories/,
      });
      await images.remove(id, { force: true });
      assert.deepEqual(await images.list(), []);
    }),
);

test(
  "remove() sweeps what crashed pulls left",
  { skip },
  () =>
    withImages(async ({ images, registry, snapshotter, snapshots }) => {
      registry.names.set("docker.io/library/x:latest", registry.image(LAYERS));
      await images.pull("x");
      await snapshotter.prepare("unpack-sha256:dead-1-2", undefined);
      await snapshotter.prepare("container", undefined);
      await images.remove("x");
      assert.deepEqual(await snapshots(), ["container"]);
    }),
);

test(
  "pull() works again after a process died in the middle of one",
  { skip },
  () =>
    withImages(async ({ images, registry, snapshotter, snapshots, blobs }) => {
      const manifest = registry.image(LAYERS);
      registry.names.set("docker.io/library/x:latest", manifest);
      const { config, layers } = JSON.parse(
        new TextDecoder().decode(registry.blobs.get(manifest.digest)),
      );
      const { rootfs } = JSON.parse(new TextDecoder().decode(registry.blobs.get(config.digest)));
      await snapshotter.prepare(`unpack-${rootfs.diff_ids[0]}-4711-1`, undefined);
      await images.pull("x");
      assert.equal((await snapshots()).length, 3);
      assert.equal(blobs().length, 2 + layers.length);
    }),
);
