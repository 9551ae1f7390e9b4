import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ImageProgress, type Images, openImages } from "../../src/image/mod.ts";
import { openSnapshotter, type Snapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { type DockerRegistry, startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { mounted } from "../fixtures/mounted.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs(
  "root",
  "overlayfs",
  "x86_64",
  "cmd:unshare",
  "cmd:docker-registry",
  "cmd:skopeo",
);

const LAYERS = [
  [{ path: "etc/" }, { path: "etc/one", data: "1" }, { path: "big", data: "y".repeat(3_000_000) }],
  [{ path: "etc/two", data: "2" }, { path: "etc/.wh.one" }],
];

interface Bench {
  readonly registry: DockerRegistry;
  readonly images: Images;
  readonly snapshotter: Snapshotter;
  readonly data: string;
}

async function withRegistry(work: (bench: Bench) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-pull-"));
  const registry = await startDockerRegistry();
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    const snapshotter = await openSnapshotter("overlayfs", state);
    const images = openImages({ state, snapshotter });
    await work({ registry, images, snapshotter, data: state.dirs.data });
    await snapshotter.settled();
  } finally {
    state.close();
    await registry.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

for (const compression of ["gzip", "zstd", "none"] as const) {
  test(
    `pull() takes an image with ${compression} layers from docker-registry`,
    { skip },
    () =>
      withRegistry(async ({ registry, images, snapshotter, data }) => {
        const source = new FakeRegistry();
        await registry.push(source, source.image(LAYERS, { compression }), "team/app:v1");
        const events: ImageProgress[] = [];
        const onProgress = (event: ImageProgress): void => void events.push(event);
        const image = await images.pull(`${registry.host}/team/app:v1`, { onProgress });
        const mounts = await snapshotter.prepare("c", image.chainId);
        assert.equal(await mounted(mounts, "ls etc; cat etc/two; wc -c < big"), "two\n23000000\n");
        const blobs = readdirSync(join(data, "content/blobs/sha256"));
        assert.deepEqual(
          blobs.sort(),
          [...source.blobs.keys()].map((digest) => digest.slice(7)).sort(),
        );
        assert.ok(
          events.some(({ status, current, total }) =>
            status === "downloading" && current === total
          ),
        );
        await images.remove(`${registry.host}/team/app:v1`, { force: true });
        assert.deepEqual(readdirSync(join(data, "content/blobs/sha256")), []);
      }),
  );
}

test(
  "pull() chooses from a multi-platform index in docker-registry",
  { skip },
  () =>
    withRegistry(async ({ registry, images, snapshotter }) => {
      const source = new FakeRegistry();
      const index = source.index({
        "linux/arm64": source.image([[{ path: "arm64" }]], { architecture: "arm64" }),
        "linux/amd64": source.image([[{ path: "amd64" }]]),
      });
      await registry.push(source, index, "multi:latest");
      const image = await images.pull(`${registry.host}/multi`);
      assert.equal(image.target, index.digest);
      assert.equal(await mounted(await snapshotter.prepare("c", image.chainId), "ls"), "amd64\n");
      const other = await images.ensure(`${registry.host}/multi`, { platform: "linux/arm64" });
      assert.equal(await mounted(await snapshotter.prepare("d", other.chainId), "ls"), "arm64\n");
      const byDigest = await images.pull(`${registry.host}/multi@${index.digest}`);
      assert.equal(byDigest.id, image.id);
      const [listed, ...more] = await images.list();
      assert.deepEqual([listed!.platforms.length, more.length], [2, 0]);
    }),
);

test(
  "pull() of a damaged or missing image leaves nothing",
  { skip },
  () =>
    withRegistry(async ({ registry, images, snapshotter, data }) => {
      const source = new FakeRegistry();
      const manifest = source.image(LAYERS);
      await registry.push(source, manifest, "app:latest");
      const { layers } = JSON.parse(new TextDecoder().decode(source.blobs.get(manifest.digest)));
      const hex = layers[0].digest.slice(7);
      const file = join(
        registry.storage,
        "docker/registry/v2/blobs/sha256",
        hex.slice(0, 2),
        hex,
        "data",
      );
      const bytes = readFileSync(file);
      bytes[bytes.length - 1]! ^= 1; // in the length that ends the gzip stream
      writeFileSync(file, bytes);
      await assert.rejects(images.pull(`${registry.host}/app`), { code: "data_loss" });
      await assert.rejects(images.pull(`${registry.host}/nope`), { code: "not_found" });
      assert.deepEqual(await images.list(), []);
      for await (const { name } of snapshotter.walk()) assert.fail(`${name} is left`);
      assert.ok(!readdirSync(join(data, "content/blobs/sha256")).includes(hex));
      assert.ok(
        readdirSync(join(data, "content/blobs/sha256")).every((name) => !name.includes(".")),
      );
    }),
);
