/**
 * `image convert`: other documents, other compression, the same files.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { type Cli, output, withCli } from "../fixtures/cli.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { tar } from "../fixtures/raw_tar.ts";

const NEEDS = needs("root", "overlayfs", "x86_64", "cmd:skopeo", `file:${BUSYBOX}`);

/** Work with `multi:1`, of Docker's documents and gzip, for two platforms. */
function withImage(work: (cli: Cli) => Promise<void>): Promise<void> {
  return withCli("convert", async (cli) => {
    const images = new ImageBuilder();
    const base = tar(...busyboxLayer());
    const image = (platform: string) =>
      images.image([base, { "for": `${platform}\n` }], { docker: true, platform });
    const index = images.index(
      { "linux/amd64": image("linux/amd64"), "linux/arm64": image("linux/arm64") },
      { docker: true },
    );
    const archive = join(cli.root, "multi.tar");
    writeFileSync(archive, layoutArchive(images, index, "multi:1"));
    await cli.ok(["load", "-q", "-i", archive]);
    await work(cli);
  });
}

// deno-lint-ignore no-explicit-any
async function documents(cli: Cli, name: string, ...args: string[]): Promise<any> {
  return JSON.parse(await cli.ok(["image", "inspect", "--mode=native", ...args, name]))[0];
}

/** skopeo reads an image of our store, with all its platforms, and checks every digest. */
async function readable(cli: Cli, name: string): Promise<void> {
  const to = `dir:${join(cli.root, "copy")}`;
  await output(["skopeo", "copy", "-q", "--all", `oci:${cli.data}/content:${name}`, to]);
}

const OCI = "application/vnd.oci.image";
const DOCKER = "application/vnd.docker";

test(
  "image convert writes every compression and both kinds of documents",
  NEEDS,
  () =>
    withImage(async (cli) => {
      const before = await documents(cli, "multi:1");
      const cases: [string[], manifest: string, layer: string][] = [
        [["--oci"], `${OCI}.manifest.v1+json`, `${OCI}.layer.v1.tar+gzip`],
        [["--zstd"], `${OCI}.manifest.v1+json`, `${OCI}.layer.v1.tar+zstd`],
        [
          ["--zstd", "--zstd-compression-level=19"],
          `${OCI}.manifest.v1+json`,
          `${OCI}.layer.v1.tar+zstd`,
        ],
        [
          ["--uncompress"],
          `${DOCKER}.distribution.manifest.v2+json`,
          `${DOCKER}.image.rootfs.diff.tar`,
        ],
        [["--uncompress", "--oci"], `${OCI}.manifest.v1+json`, `${OCI}.layer.v1.tar`],
        [["--zstdchunked"], `${OCI}.manifest.v1+json`, `${OCI}.layer.v1.tar+zstd`],
      ];
      const sizes: number[] = [];
      for (const [at, [flags, manifest, layer]] of cases.entries()) {
        const name = `out:${at}`;
        const target = (await cli.ok(["image", "convert", ...flags, "multi:1", name])).trim();
        const { ManifestDesc, Manifest, ImageConfig, Index } = await documents(cli, name);
        assert.deepEqual([ManifestDesc.digest, Index], [target, undefined]);
        assert.equal(Manifest.mediaType, manifest);
        for (const each of Manifest.layers) assert.equal(each.mediaType, layer, flags.join(" "));
        assert.deepEqual(ImageConfig, before.ImageConfig);
        sizes.push(Manifest.layers[0].size);
        if (manifest.startsWith(OCI)) await readable(cli, name); // it takes no others from a layout
        assert.equal(await cli.ok(["run", "--rm", name, "cat", "/for"]), "linux/amd64\n");
      }
      assert.equal(sizes[0], before.Manifest.layers[0].size, "gzip stays gzip");
      assert.ok(sizes[2]! < sizes[1]! && sizes[1]! < sizes[3]!, `${sizes}`);
      assert.equal(sizes[3], sizes[4]);
      // There and back again: the layers that gzip makes are the same each time.
      const packed = await cli.ok(["image", "convert", "--gzip", "--docker", "out:4", "back:1"]);
      assert.equal(
        await cli.ok(["image", "convert", "--gzip", "--docker", "out:1", "back:2"]),
        packed,
      );
      const back = await documents(cli, "back:1");
      assert.equal(back.Manifest.layers[0].mediaType, `${DOCKER}.image.rootfs.diff.tar.gzip`);
      const ids = (await cli.ok(["images", "-q"])).trim().split("\n");
      assert.equal(new Set(ids).size, 1, "the configuration, and so the ID, is the same");
    }),
);

test("image convert takes one platform, some or all", NEEDS, () =>
  withImage(async (cli) => {
    const convert = ["image", "convert", "--zstd"];
    await cli.ok([...convert, "--all-platforms", "multi:1", "all:1"]);
    const all = await documents(cli, "all:1", "--platform", "linux/arm64");
    assert.equal(all.IndexDesc.mediaType, `${OCI}.index.v1+json`);
    assert.deepEqual(
      all.Index.manifests.map(({ platform }: { platform: unknown }) => platform),
      [{ architecture: "amd64", os: "linux" }, { architecture: "arm64", os: "linux" }],
    );
    await readable(cli, "all:1");
    assert.equal(await cli.ok(["run", "--rm", "all:1", "cat", "/for"]), "linux/amd64\n");
    await cli.ok([...convert, "--platform", "linux/arm64", "multi:1", "arm:1"]);
    const run = ["run", "--rm", "--pull=never", "--platform", "linux/arm64"];
    assert.equal(await cli.ok([...run, "arm:1", "cat", "/for"]), "linux/arm64\n");
    assert.equal((await documents(cli, "arm:1", "--platform", "linux/arm64")).Index, undefined);
    await cli.ok(["rmi", "multi:1", "arm:1", "all:1"]);
    assert.equal(await cli.ok(["images", "-q"]), "");
  }));

test("image convert says what is not possible", NEEDS, () =>
  withImage(async (cli) => {
    const fails = async (args: string[], pattern: RegExp, code = 125) => {
      const ended = await cli.run(["image", ...args]);
      assert.deepEqual([ended.code, ended.stdout], [code, ""], ended.stderr);
      assert.match(ended.stderr, pattern);
    };
    const pair = ["multi:1", "x:1"];
    await fails(["convert", "--gzip", "--zstd", ...pair], /--gzip and --zstd exclude each other/);
    await fails(["convert", "--oci", "--docker", ...pair], /exclude each other/);
    await fails(["convert", "--zstd", "--zstd-compression-level=23", ...pair], /1 to 22, not 23/);
    await fails(["convert", "--gzip-compression-level=3", ...pair], /is for --gzip/);
    for (const flag of ["estargz", "nydus", "overlaybd", "soci"]) {
      await fails(["convert", `--${flag}`, ...pair], new RegExp(`--${flag} is not supported yet`));
    }
    await fails(["convert", "--zstd", "--docker", ...pair], /Docker's manifests have no zstd/, 1);
    await fails(["convert", "--oci", "nope", "x:1"], /no such image/, 1);
    await fails(["convert", "--oci", "host", "x:1"], /the built-in image/, 1);
    await fails(["convert", "--oci", "multi:1", "UP"], /lowercase/, 1);
    await fails(["convert", "--platform=linux/s390x", ...pair], /not made for it/, 1);
    await fails(["encrypt", ...pair], /image encrypt": it is not supported yet/, 1);
    await fails(["decrypt", ...pair], /image decrypt": it is not supported yet/, 1);
    assert.equal(await cli.ok(["images", "x"]), "REPOSITORY   TAG   IMAGE ID   CREATED   SIZE\n");
  }));
