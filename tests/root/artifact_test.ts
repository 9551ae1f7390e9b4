/**
 * What is no container image, from a registry into the store and on to another one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { Registry } from "../../src/pull/mod.ts";
import { sourceOf } from "../contracts/registry.ts";
import { output, withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

test(
  "an artifact is pulled, listed, pushed on and removed, and no container is made of it",
  needs("root", "overlayfs", "cmd:docker-registry", "cmd:skopeo"),
  () =>
    withCli("artifact", async (cli) => {
      const docker = await startDockerRegistry();
      try {
        const images = new ImageBuilder();
        const config = images.put("application/vnd.cncf.helm.config.v1+json", { name: "chart" });
        const layers = [
          images.put("application/vnd.cncf.helm.chart.content.v1.tar+gzip", gzipSync("a chart")),
          images.put("text/plain", "and how to use it"),
        ];
        const manifest = images.put(MANIFEST, {
          ...{ schemaVersion: 2, mediaType: MANIFEST, artifactType: "application/chart" },
          ...{ config, layers },
        });
        const name = `${docker.host}/chart:1`;
        const registry = new Registry({ repository: `${docker.host}/chart` });
        const bytes = (digest: string) => images.blobs.get(digest)!;
        for (const each of [config, ...layers]) {
          await registry.pushBlob(each, sourceOf(bytes(each.digest)));
        }
        const document = { descriptor: manifest, bytes: bytes(manifest.digest) };
        await registry.pushManifest("1", document);

        const ended = await cli.ok(["pull", name]);
        assert.ok(ended.endsWith(`Status: Downloaded newer image for ${name}\n${name}\n`), ended);
        const listed = await cli.ok(["images", "--no-trunc"]);
        assert.match(listed, new RegExp(`/chart +1 +${manifest.digest} `));
        const layout = join(cli.data, "content");
        const digest = await output(
          ["skopeo", "inspect", "--raw", `oci:${layout}:${name}`],
        );
        assert.equal(digest, new TextDecoder().decode(bytes(manifest.digest)));

        for (const image of [name, manifest.digest]) {
          const { code, stderr } = await cli.run(["run", "--rm", "--pull", "never", image, "true"]);
          assert.deepEqual([code, /an artifact, not a container image/.test(stderr)], [125, true]);
        }
        const missing = await cli.run(["run", "--rm", "-q", name, "true"]);
        assert.match(missing.stderr, /not that of a container image|is an artifact/);

        const [inspected] = JSON.parse(await cli.ok(["image", "inspect", name]));
        assert.deepEqual(
          [inspected.Id, inspected.Os, inspected.Descriptor.digest],
          [manifest.digest, "", manifest.digest],
        );
        const [native] = JSON.parse(await cli.ok(["image", "inspect", "--mode=native", name]));
        assert.deepEqual(native.Manifest, JSON.parse(digest));
        await cli.ok(["rmi", name]);
        await cli.ok(["pull", "-q", "--all-platforms", name]);

        const copy = `${docker.host}/copy:2`;
        await cli.ok(["tag", name, copy]);
        await cli.ok(["push", "-q", copy]);
        const pushed = new Registry({ repository: `${docker.host}/copy` });
        assert.equal((await pushed.resolve("2"))?.digest, manifest.digest);
        const checked = JSON.parse(await cli.ok(["system", "check", "--format", "json"]));
        assert.deepEqual(checked.findings, []);
        await cli.ok(["rmi", name, copy]);
        assert.deepEqual(readdirSync(join(layout, "blobs/sha256")), []);
      } finally {
        await docker.stop();
      }
    }),
);
