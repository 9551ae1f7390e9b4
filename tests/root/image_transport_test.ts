import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ARCHITECTURE, BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { type Cli, withCli } from "../fixtures/cli.ts";
import { writeImageArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { tar } from "../fixtures/raw_tar.ts";

const { skip } = needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`);

/** Work with a layout of two images, `one` and `two`, whose command says which it is. */
function withLayout(work: (cli: Cli, layout: string, images: ImageBuilder) => Promise<void>) {
  return withCli("transport", async (cli) => {
    const images = new ImageBuilder();
    const layer = tar(...busyboxLayer());
    const make = (text: string) =>
      images.image([layer], { platform: `linux/${ARCHITECTURE}`, config: { Cmd: ["echo", text] } });
    const layout = join(cli.root, "layout");
    images.write(layout, {
      one: make("first"),
      two: images.index({ "linux/amd64": make("second") }),
    });
    await work(cli, layout, images);
  });
}

test(
  "run and pull take images of an OCI layout",
  { skip },
  () =>
    withLayout(async (cli, layout) => {
      assert.equal(await cli.ok(["run", "--rm", `oci:${layout}:one`]), "first\n");
      const id = (await cli.ok(["pull", `oci:${layout}:two`])).trim();
      assert.equal(await cli.ok(["run", "--rm", id]), "second\n");
      assert.equal(await cli.ok(["run", "--rm", "oci:layout:one"], { cwd: cli.root }), "first\n");
      const fails = async (name: string, pattern: RegExp) => {
        const { code, stderr } = await cli.run(["pull", name]);
        assert.deepEqual([code, pattern.test(stderr)], [1, true], stderr);
      };
      await fails(`oci:${layout}`, /several images; it has one, two/);
      await fails(`oci:${layout}:three`, /no such image/);
      await fails("oci:/nowhere:x", /no such file or directory/);
      await fails(`oci-archive:${layout}`, /it is a directory/);
      await fails("docker-archive:/nowhere.tar", /no such file or directory/);
    }),
);

test(
  "pull takes nothing of a layout whose blobs are not what they are called",
  { skip },
  () =>
    withLayout(async (cli, layout, images) => {
      const digest = [...images.blobs.keys()][0]!; // the layer
      writeFileSync(join(layout, "blobs", digest.replace(":", "/")), "something else");
      const changed = await cli.run(["pull", `oci:${layout}:one`]);
      assert.deepEqual([changed.code, /its digest is sha256:/.test(changed.stderr)], [1, true]);
      rmSync(join(layout, "blobs", digest.replace(":", "/")));
      const missing = await cli.run(["pull", `oci:${layout}:one`]);
      assert.deepEqual([missing.code, /no such blob/.test(missing.stderr)], [1, true]);
      assert.equal(await cli.ok(["images", "-q"]), "");
    }),
);

test("run takes images of archives", { skip }, () =>
  withCli("transport", async (cli) => {
    const archive = join(cli.root, "in.tar");
    writeImageArchive(archive, "app:1");
    const docker = `docker-archive:${archive}`;
    assert.equal(await cli.ok(["run", "--rm", docker, "echo", "hi"]), "hi\n");
    assert.equal(await cli.ok(["run", "--rm", `${docker}:app:1`, "echo", "hi"]), "hi\n");
    const saved = join(cli.root, "saved.tar");
    await cli.ok(["save", "-o", saved, "app:1"]);
    await cli.ok(["rmi", "app:1"]);
    assert.equal(await cli.ok(["run", "--rm", `oci-archive:${saved}:1`, "echo", "hi"]), "hi\n");
    const { code, stderr } = await cli.run(["pull", `${docker}:other:1`]);
    assert.deepEqual([code, /no such image; it has/.test(stderr)], [1, true], stderr);
  }));

test("docker:// is a name in a registry", { skip }, () =>
  withCli("transport", async (cli) => {
    writeImageArchive(join(cli.root, "in.tar"), "app:1");
    await cli.ok(["load", "-i", join(cli.root, "in.tar")]);
    assert.equal(await cli.ok(["run", "--rm", "docker://app:1", "echo", "hi"]), "hi\n");
    const { stderr } = await cli.run(["pull", "docker://127.0.0.1:1/nope"]);
    assert.match(stderr, /127\.0\.0\.1:1/);
  }));
