/**
 * What an image leaves behind goes while the person goes on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until, withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs("root", "overlayfs", "cmd:docker-registry", "cmd:skopeo");

test(
  "ctr rmi of a large image takes its names at once, and its files a little later",
  NEEDS,
  async () => {
    const registry = await startDockerRegistry();
    try {
      const source = new FakeRegistry();
      const files = Array.from({ length: 300 }, (_, n) => ({ path: `d${n % 7}/f${n}`, data: "x" }));
      const layers = [files, [{ path: "big", data: randomFillSync(new Uint8Array(2 << 20)) }]];
      await registry.push(source, source.image(layers), "large:1");
      await withCli("rmi-behind", async (cli) => {
        const name = `${registry.host}/large:1`;
        await cli.ok(["pull", "-q", "--snapshotter", "overlayfs", name]);
        const snapshots = join(cli.root, "data/snapshots/overlayfs");
        const blobs = join(cli.root, "data/content/blobs/sha256");
        const ingest = join(cli.root, "data/content/ingest");
        assert.deepEqual([readdirSync(snapshots).length, readdirSync(blobs).length], [2, 4]);
        const said = await cli.ok(["rmi", name]);
        assert.match(said, /^Untagged: .*\nUntagged: .*@sha256:.*\nDeleted: sha256:.*\n/);
        assert.equal(await cli.ok(["images", "-q"]), "");
        assert.deepEqual(readdirSync(blobs), []);
        const left = () => [...readdirSync(snapshots), ...readdirSync(ingest)];
        await until("all is deleted", () => left().length === 0);
      });
    } finally {
      await registry.stop();
    }
  },
);
