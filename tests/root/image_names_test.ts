import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { blobDirectory } from "../../src/content/mod.ts";
import { type Images, openImages } from "../../src/image/mod.ts";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const { skip } = needs("root", "overlayfs");

async function withImages(
  work: (images: Images, registry: FakeRegistry) => Promise<void>,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "ctr-names-"));
  const state = openState({ data: join(root, "data"), exec: join(root, "exec") });
  try {
    const snapshotter = await openSnapshotter("overlayfs", state);
    const registry = new FakeRegistry();
    const sources = registry.sources(blobDirectory(join(root, "data/content")));
    await work(openImages({ state, snapshotter, sources }), registry);
    await snapshotter.settled();
  } finally {
    state.close();
    rmSync(root, { recursive: true, force: true });
  }
}

test(
  "tag() gives an image names, by name and by ID",
  { skip },
  () =>
    withImages(async (images, registry) => {
      registry.names.set(
        "docker.io/library/x:latest",
        registry.image([[{ path: "a", data: "1" }]]),
      );
      const { id } = await images.pull("x");
      assert.equal(await images.tag("x", "y:1"), "docker.io/library/y:1");
      await images.tag(id.slice(7, 19), "localhost:5000/z");
      await images.remove("x");
      assert.equal((await images.resolve("y:1")).id, id);
      assert.equal((await images.resolve("localhost:5000/z:latest")).id, id);
      await assert.rejects(images.tag("x", "w"), { code: "not_found" });
      await assert.rejects(images.tag("y:1", `w@sha256:${"0".repeat(64)}`), /a tag has no digest/);
      await assert.rejects(images.tag("y:1", "Up"), { code: "invalid_argument" });
      await assert.rejects(images.tag("y:1", "host"), /the name of the built-in image/);
      await assert.rejects(images.tag("host", "w"), /the built-in image has one name only/);
    }),
);

test(
  "tag() moves a name and keeps what it pointed to",
  { skip },
  () =>
    withImages(async (images, registry) => {
      registry.names.set(
        "docker.io/library/x:latest",
        registry.image([[{ path: "a", data: "1" }]]),
      );
      registry.names.set(
        "docker.io/library/y:latest",
        registry.image([[{ path: "b", data: "2" }]]),
      );
      const x = await images.pull("x");
      const y = await images.pull("y");
      await images.tag("y", "x");
      assert.equal((await images.resolve("x")).id, y.id);
      assert.equal((await images.resolve(x.id)).id, x.id);
    }),
);

test(
  "history() tells each step and the size of its layer",
  { skip },
  () =>
    withImages(async (images, registry) => {
      const layers = [[{ path: "a", data: "1".repeat(9000) }], [{ path: "b", data: "2" }]];
      registry.names.set("docker.io/library/x:latest", registry.image(layers));
      const { id } = await images.pull("x");
      const steps = await images.history("x");
      assert.equal(steps.length, 2);
      assert.deepEqual(steps.map((step) => step.id), [id, undefined]);
      assert.ok(steps[1]!.size > steps[0]!.size && steps[0]!.size > 0);
      await assert.rejects(images.history("nope"), { code: "not_found" });
    }),
);
