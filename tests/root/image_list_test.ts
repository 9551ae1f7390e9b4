/**
 * `images`, `image inspect` and `history` of images for several platforms, and what they say of
 * images that are not there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Cli, withCli } from "../fixtures/cli.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";

const { skip } = needs("root", "overlayfs", "x86_64");

/** Work with `multi:1`, for two platforms, and `multi:one`, for this one. */
function withMulti(
  work: (cli: Cli, made: { index: string; amd64: string; arm64: string }) => Promise<void>,
): Promise<void> {
  return withCli("image-list", async (cli) => {
    const images = new ImageBuilder();
    const amd64 = images.image([{ "for": "amd64", "data": "x".repeat(50_000) }]);
    const arm64 = images.image([{ "for": "arm64", "data": "y".repeat(90_000) }], {
      platform: "linux/arm64",
      config: { Labels: { board: "pi" } },
    });
    const index = images.index({ "linux/amd64": amd64, "linux/arm64": arm64 });
    const archive = join(cli.root, "multi.tar");
    writeFileSync(archive, layoutArchive(images, index, "multi:1"));
    for (const platform of ["linux/arm64", "linux/amd64"]) {
      await cli.ok(["load", "-q", "-i", archive, "--platform", platform]);
    }
    await cli.ok(["tag", "multi:1", "localhost:5000/other/multi:2"]);
    const idOf = (manifest: typeof amd64) => images.json(manifest).config.digest as string;
    await work(cli, { index: index.digest, amd64: idOf(amd64), arm64: idOf(arm64) });
  });
}

test(
  "a name for several platforms is one line, and its size is theirs",
  { skip },
  () =>
    withMulti(async (cli, { amd64, arm64, index }) => {
      const format = "{{.Repository}} {{.Tag}} {{.ID}} {{.Platform}} {{.Size}}";
      assert.equal(
        await cli.ok(["images", "--no-trunc", "--format", format]),
        `localhost:5000/other/multi 2 ${amd64} linux/amd64,linux/arm64 140kB\n` +
          `multi 1 ${amd64} linux/amd64,linux/arm64 140kB\n`,
      );
      const short = `${amd64.slice(7, 19)}\n`;
      assert.equal(await cli.ok(["image", "ls", "-q"]), short.repeat(2), "a line per tag");
      assert.equal(await cli.ok(["image", "ls", "-q", "--format", "{{.Tag}}"]), "2\n1\n");
      assert.equal(
        await cli.ok(["images", "-q", "-f", "reference=multi:*", "-f", "until=24h"]),
        short,
      );
      const named = await cli.ok(["images", "--names", "multi"]);
      assert.match(named, /^NAME +IMAGE ID +CREATED +SIZE\nmulti:1 +[0-9a-f]{12} /);
      const digests = await cli.ok(["images", "--digests", "multi"]);
      assert.match(digests, /^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE\nmulti +1 +sha256:/);
      const tree = await cli.ok(["images", "--tree", "multi"]);
      assert.deepEqual(
        tree.split("\n").slice(1, -1).map((line) => line.split(/ {2,}/).slice(0, 3)),
        [
          ["multi:1", index.slice(7, 19), "140kB"],
          ["├─ linux/amd64", amd64.slice(7, 19), "50kB"],
          ["└─ linux/arm64", arm64.slice(7, 19), "90kB"],
        ],
      );
      const { code, stderr } = await cli.run(["images", "--tree", "-q"]);
      assert.deepEqual([code, /--quiet is not yet supported with --tree/.test(stderr)], [1, true]);
    }),
);

test(
  "image inspect shows a platform, in Docker's form or as it is",
  { skip },
  () =>
    withMulti(async (cli, { amd64, arm64, index }) => {
      const inspect = async (...args: string[]) =>
        JSON.parse(await cli.ok(["image", "inspect", ...args]))[0];
      const here = await inspect("multi:1");
      assert.deepEqual([here.Id, here.Architecture, here.Config.Labels], [amd64, "amd64", null]);
      assert.deepEqual(here.RepoTags, ["localhost:5000/other/multi:2", "multi:1"]);
      assert.deepEqual(here.RepoDigests.length, 2);
      assert.deepEqual([here.Descriptor.digest, here.Descriptor.size > 300], [index, true]);
      assert.match(here.Descriptor.mediaType, /image\.index/);
      assert.match(here.Metadata.LastTagTime, /^20\d\d-/);
      const other = await inspect("--platform", "linux/arm64", "multi:1");
      assert.deepEqual([other.Id, other.Config.Labels.board, other.Config.User], [arm64, "pi", ""]);
      assert.ok(other.Size > here.Size && here.Size > 50_000);
      assert.equal((await inspect(arm64.slice(7, 19))).Id, arm64);
      const native = await inspect("--mode=native", "--platform=linux/arm64", "multi:1");
      assert.deepEqual(
        [native.IndexDesc.digest, native.Index.manifests.length, native.ImageConfigDesc.digest],
        [index, 2, arm64],
      );
      assert.equal(native.ImageConfig.config.Labels.board, "pi");
      assert.equal(native.Manifest.config.digest, arm64);
      assert.equal(
        await cli.ok(["history", "-q", "--platform", "linux/arm64", "multi:1"]),
        `${arm64.slice(7, 19)}\n`,
      );
      assert.equal(await cli.ok(["image", "inspect", "host", "-f", "{{.Os}}"]), "linux\n");
    }),
);

test(
  "image commands on what is not there print the rest, then fail",
  { skip },
  () =>
    withMulti(async (cli, { amd64 }) => {
      const fails = async (args: string[], stdout: string, pattern: RegExp) => {
        const ended = await cli.run(args);
        assert.deepEqual([ended.code, ended.stdout], [1, stdout], args.join(" "));
        assert.match(ended.stderr, pattern);
      };
      await fails(["image", "inspect", "nope", "multi:1", "-f", "{{.Id}}"], `${amd64}\n`, /"nope"/);
      await fails(["image", "inspect", "nope"], "[]\n", /"nope": no such image/);
      await fails(["image", "inspect", "--platform", "linux/s390x", "multi:1"], "[]\n", /s390x/);
      await fails(["image", "inspect", "--mode", "x", "multi:1"], "", /"dockercompat" or "native"/);
      for (const command of ["history", "save", "rmi"]) {
        await fails([command, "nope"], "", /"nope": no such image/);
      }
      await fails(["tag", "nope", "x"], "", /"nope": no such image/);
      await fails(["tag", "multi:1", "UP"], "", /repository names are lowercase/);
      const forced = await cli.run(["rmi", "-f", "nope"]);
      assert.deepEqual([forced.code, forced.stdout], [0, ""]);
      assert.match(forced.stderr, /no such image/);
    }),
);

test(
  "the size is that of the files, whichever snapshotter has them",
  { skip },
  () =>
    withCli("image-list", async (cli) => {
      const images = new ImageBuilder();
      const image = images.image([{ "file": "x".repeat(200_000) }]);
      const layout = join(cli.root, "layout");
      images.write(layout, { one: image });
      for (const snapshotter of ["overlayfs", "native"]) {
        const data = ["--data-root", join(cli.root, snapshotter)];
        const id = await cli.ok([...data, "pull", "--snapshotter", snapshotter, `oci:${layout}`]);
        assert.match(id, /^sha256:/);
        const size = Number.parseInt(await cli.ok([...data, "images", "--format", "{{.Size}}"]));
        assert.ok(size >= 200, `${snapshotter}: ${size} kB`); // 1 kB as it is stored
      }
    }),
);

test(
  "an image for another platform is shown without being asked for by it",
  { skip },
  () =>
    withCli("image-list", async (cli) => {
      const images = new ImageBuilder();
      const arm64 = images.image([{ a: "b" }], { platform: "linux/arm64" });
      const archive = join(cli.root, "one.tar");
      const index = images.index({ "linux/arm64": arm64 });
      writeFileSync(archive, layoutArchive(images, index, "one:1"));
      await cli.ok(["load", "-q", "-i", archive]);
      assert.equal(
        await cli.ok(["image", "inspect", "-f", "{{.Architecture}}", "one:1"]),
        "arm64\n",
      );
      assert.match(await cli.ok(["history", "one:1"]), /test/);
      const { code, stderr } = await cli.run(["history", "--platform", "linux/amd64", "one:1"]);
      assert.deepEqual([code, /not for linux\/amd64/.test(stderr)], [1, true]);
    }),
);
