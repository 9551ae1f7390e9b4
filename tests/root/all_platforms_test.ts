/**
 * Images with all their platforms: pulled, listed, saved, loaded and pushed whole, or not at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { type Cli, output, withCli } from "../fixtures/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../fixtures/docker_registry.ts";
import { needs } from "../fixtures/needs.ts";
import type { Descriptor } from "../../src/oci/mod.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { tar } from "../fixtures/raw_tar.ts";

const NEEDS = needs(
  ...[
    "root",
    "overlayfs",
    "x86_64",
    "cmd:docker-registry",
    "cmd:skopeo",
    `file:${BUSYBOX}`,
  ] as const,
);

/** `team/multi:1`, an index of two platforms and an attestation, and what else is of use. */
function withRegistry(
  work: (test: {
    readonly cli: Cli;
    readonly registry: DockerRegistry;
    readonly images: ImageBuilder;
    readonly index: Descriptor;
    readonly name: string;
  }) => Promise<void>,
): Promise<void> {
  return withCli("all-platforms", async (cli) => {
    const registry = await startDockerRegistry();
    try {
      const images = new ImageBuilder();
      // The same layer below both, and one of its own.
      const base = tar(...busyboxLayer());
      const index = images.index({
        "linux/amd64": images.image([base, { "arch": "amd64\n" }]),
        "linux/arm64": images.image([base, { "arch": "arm64\n" }], { platform: "linux/arm64" }),
      }, { attestation: true });
      await registry.push(images, index, "team/multi:1");
      await work({ cli, registry, images, index, name: `${registry.host}/team/multi:1` });
    } finally {
      await registry.stop();
    }
  });
}

test(
  "--all-platforms pulls, saves, loads and pushes an index as it is",
  NEEDS,
  () =>
    withRegistry(async ({ cli, registry, images, index, name }) => {
      assert.match(
        await cli.ok(["pull", "--all-platforms", name]),
        /Status: Downloaded newer image/,
      );
      const platforms = ["images", "--format", "{{.Platform}}"];
      assert.equal(await cli.ok(platforms), "linux/amd64,linux/arm64\n");
      assert.equal(await cli.ok(["run", "--rm", name, "cat", "/arch"]), "amd64\n");

      const saved = join(cli.root, "saved.tar");
      await cli.ok(["save", "--all-platforms", "-o", saved, name]);
      const copy = `${registry.host}/team/copy:1`;
      await cli.ok(["tag", name, copy]);
      assert.match(
        await cli.ok(["push", "--all-platforms", copy]),
        new RegExp(`${index.digest} size`),
      );
      const inspect = ["skopeo", "inspect", "--tls-verify=false", "--raw", `docker://${copy}`];
      assert.deepEqual(JSON.parse(await output(inspect)), images.json(index));

      await cli.ok(["rmi", name, copy]);
      await registry.stop();
      assert.match(await cli.ok(["load", "--all-platforms", "-i", saved]), /team\/multi:1\n$/);
      assert.equal(await cli.ok(platforms), "linux/amd64,linux/arm64\n");
      // Not unpacked before it is asked for; that machine's programs are this one's here.
      const other = ["run", "--rm", "--pull=never", "--platform", "linux/arm64", name];
      assert.equal(await cli.ok([...other, "cat", "/arch"]), "arm64\n");
    }),
);

test(
  "without all platforms here, --all-platforms refuses",
  NEEDS,
  () =>
    withRegistry(async ({ cli, registry, images, index, name }) => {
      await cli.ok(["pull", "-q", name]);
      const fails = async (args: string[], pattern: RegExp, code = 1) => {
        const ended = await cli.run(args);
        assert.deepEqual([ended.code, pattern.test(ended.stderr)], [code, true], ended.stderr);
      };
      const out = join(cli.root, "out.tar");
      await fails(["save", "--all-platforms", "-o", out, name], /again with --all-platforms/);
      await fails(["push", "--all-platforms", name], /not all of its platforms are here/);
      for (const command of [["pull"], ["push"], ["save", "-o", out]]) {
        const args = [...command, "--all-platforms", "--platform", "linux/arm64", name];
        await fails(args, /exclude each other/, 125);
      }
      await cli.ok(["save", "-o", out, name]);
      await cli.ok(["load", "--all-platforms", "-i", out]); // what it has is one platform, and whole
      const arm = images.json(index).manifests[1].digest;
      await output([
        "rm",
        join(
          registry.storage,
          "docker/registry/v2/blobs/sha256",
          arm.slice(7, 9),
          arm.slice(7),
          "data",
        ),
      ]);
      const id = (await cli.ok(["images", "-q", name])).trim();
      await cli.ok(["rmi", "-f", id]);
      await fails(["pull", "--all-platforms", name], /no such image \(404\)/);
      assert.equal(await cli.ok(["images", "-q"]), "", "nothing has a name");
      await cli.ok(["pull", "-q", name]);
    }),
);

test(
  "pull --all-tags pulls every tag of a repository",
  NEEDS,
  () =>
    withRegistry(async ({ cli, registry, images, index, name }) => {
      await registry.push(images, images.json(index).manifests[0], "team/multi:two");
      const repository = name.replace(/:1$/, "");
      assert.match(await cli.ok(["pull", "-a", repository]), new RegExp(`^${repository}$`, "m"));
      assert.equal(await cli.ok(["images", "--format", "{{.Tag}}"]), "1\ntwo\n");
      await cli.ok(["pull", "-q", "--disable-content-trust", name]);
      const trusted = await cli.run(["pull", "--disable-content-trust=false", name]);
      assert.deepEqual(
        [trusted.code, /content trust is not supported/.test(trusted.stderr)],
        [125, true],
      );
      const { code, stderr } = await cli.run(["pull", "-a", name]);
      assert.deepEqual([code, /tag can't be used with --all-tags/.test(stderr)], [1, true]);
    }),
);
