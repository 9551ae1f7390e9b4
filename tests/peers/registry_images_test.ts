/**
 * Images between ctr, podman, skopeo and umoci: through a registry, and in the store itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX, busyboxImage } from "../fixtures/busybox_image.ts";
import { type Cli, output, until, withCli } from "../fixtures/cli.ts";
import { type DockerRegistry, startDockerRegistry } from "../fixtures/docker_registry.ts";
import { FakeRegistry } from "../fixtures/fake_remote.ts";
import { needs } from "../fixtures/needs.ts";

const NEEDS = needs(
  "root",
  "overlayfs",
  "cmd:docker-registry",
  "cmd:podman",
  "cmd:skopeo",
  "cmd:umoci",
  `file:${BUSYBOX}`,
);

interface Peers {
  readonly cli: Cli;
  readonly registry: DockerRegistry;
  /** `HOST/NAME` of an image that says `hello`, as it was made. */
  readonly original: string;
  /** Its manifest's digest. */
  readonly digest: string;
  podman(...args: string[]): Promise<string>;
  skopeo(...args: string[]): Promise<string>;
}

function withPeers(name: string, work: (peers: Peers) => Promise<void>): Promise<void> {
  return withCli(name, async (cli) => {
    const registry = await startDockerRegistry();
    try {
      const source = new FakeRegistry();
      const image = busyboxImage(source, "hello");
      await registry.push(source, image, "original:1");
      const store = ["--root", join(cli.root, "pod"), "--runroot", join(cli.root, "podrun")];
      await work({
        cli,
        registry,
        original: `${registry.host}/original:1`,
        digest: image.digest,
        podman: (...args) => output(["podman", ...store, "--storage-driver", "vfs", ...args]),
        skopeo: (...args) => output(["skopeo", "--insecure-policy", ...args]),
      });
    } finally {
      await registry.stop();
    }
  });
}

/** The media types of a manifest and its layers. */
async function typesOf({ skopeo }: Peers, name: string): Promise<string> {
  const raw = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${name}`);
  const { mediaType, layers } = JSON.parse(raw);
  return [mediaType, ...layers.map((layer: { mediaType: string }) => layer.mediaType)].join(" ");
}

test(
  "what podman and skopeo push in every format runs",
  NEEDS,
  () =>
    withPeers("from-peers", async (peers) => {
      const { cli, original, podman, skopeo } = peers;
      await podman("pull", "-q", "--tls-verify=false", original);
      const pushes: [string[], RegExp][] = [
        [["--compression-format", "gzip"], /tar[.+]gzip$/],
        [["--format", "oci", "--compression-format", "zstd"], /tar\+zstd$/],
        [["--format", "oci", "--compression-format", "zstd:chunked"], /tar\+zstd$/],
        [["--format", "v2s2"], /^application\/vnd\.docker\.distribution\.manifest\.v2\+json/],
      ];
      const copies: [string[], RegExp][] = [
        [["--format", "v2s2"], /manifest\.v2\+json .*diff\.tar\.gzip$/],
        [["--format", "oci", "--dest-compress-format", "zstd"], /tar\+zstd$/],
      ];
      // Each into a registry of its own: where a layer is already, it is not compressed again.
      const runs = async (types: RegExp, push: (name: string) => Promise<unknown>) => {
        const other = await startDockerRegistry();
        try {
          const name = `${other.host}/copy:1`;
          await push(name);
          assert.match(await typesOf(peers, name), types);
          const said = await cli.ok(["run", "--rm", "-q", name, "cat", "/greeting"]);
          assert.equal(said, "hello\n", String(types));
          // So that the next one is fetched and unpacked again.
          await until("no container", async () => await cli.ok(["ps", "-aq"]) === "");
          await cli.ok(["rmi", name]);
        } finally {
          await other.stop();
        }
      };
      for (const [flags, types] of pushes) {
        const push = ["push", "-q", "--tls-verify=false", ...flags, original];
        await runs(types, (name) => podman(...push, name));
      }
      for (const [flags, types] of copies) {
        const copy = ["copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", ...flags];
        await runs(types, (name) => skopeo(...copy, `docker://${original}`, `docker://${name}`));
      }
    }),
);

test(
  "podman runs what we pushed, and skopeo and umoci read our store",
  NEEDS,
  () =>
    withPeers("to-peers", async ({ cli, digest, original, podman, registry, skopeo }) => {
      await cli.ok(["pull", "-q", original]);
      const pushed = `${registry.host}/ours:1`;
      await cli.ok(["tag", original, pushed]);
      await cli.ok(["push", "-q", pushed]);
      await podman("pull", "-q", "--tls-verify=false", pushed);
      assert.equal(
        (await podman("image", "inspect", "--format", "{{.Digest}}", pushed)).trim(),
        digest,
      );

      const layout = join(cli.data, "content");
      for (const name of [original, pushed]) {
        const raw = await skopeo("inspect", "--format", "{{.Digest}}", `oci:${layout}:${name}`);
        assert.equal(raw.trim(), digest);
        // A copy reads every blob and checks its digest.
        await skopeo("copy", "-q", `oci:${layout}:${name}`, `dir:${join(cli.root, "copy")}`);
      }
      const listed = await output(["umoci", "list", "--layout", layout]);
      assert.deepEqual(listed.trim().split("\n").sort(), [original, pushed].sort());
      await cli.ok(["rmi", pushed]);
      assert.equal((await output(["umoci", "list", "--layout", layout])).trim(), original);
    }),
);
