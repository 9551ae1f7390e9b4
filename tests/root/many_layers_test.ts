import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ARCHITECTURE, BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { withCli } from "../fixtures/cli.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { tar } from "../fixtures/raw_tar.ts";

const { skip } = needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`);
const LAYERS = 200;

/** Layer by layer: a file of its own, one that is replaced, one that is hidden again. */
function manyLayers(): Uint8Array {
  const images = new ImageBuilder();
  const layers = Array.from({ length: LAYERS }, (_, i) =>
    tar(
      { path: `srv/f${i}`, data: String(i) },
      { path: "srv/last", data: String(i) },
      ...i % 2 === 0 ? [{ path: "srv/even" }] : [{ path: "srv/.wh.even" }],
    ));
  const target = images.image([tar(...busyboxLayer()), ...layers], {
    compression: "none",
    platform: `linux/${ARCHITECTURE}`,
  });
  return layoutArchive(images, target, "many:1");
}

for (const [snapshotter, more] of [["overlayfs", needs()], ["erofs", needs("erofs")]] as const) {
  test(`${snapshotter}: an image of ${LAYERS} layers runs, and is changed, as one of two`, {
    skip: skip || more.skip,
  }, () =>
    withCli("many", async (whole) => {
      const cli = whole.by(snapshotter);
      const path = join(cli.root, "many.tar");
      writeFileSync(path, manyLayers());
      await cli.ok(["load", "-i", path]);
      const script =
        "cd /srv; /bin/busybox ls | /bin/busybox wc -l; cat last; /bin/busybox rm f7; echo x > new";
      const seen = await cli.ok(["run", "--name", "box", "many:1", "sh", "-c", script]);
      assert.equal(seen, `${LAYERS + 1}\n${LAYERS - 1}`);
      const changes = ["C /srv", "D /srv/f7", "A /srv/new"];
      assert.deepEqual((await cli.ok(["diff", "box"])).trim().split("\n"), changes);
      await cli.ok(["commit", "box", "many:2"]);
      const listed = await cli.ok([
        "run",
        "--rm",
        "many:2",
        "sh",
        "-c",
        "ls /srv | /bin/busybox wc -l",
      ]);
      assert.equal(listed, `${LAYERS + 1}\n`);
      await cli.ok(["export", "-o", path, "box"]);
      await cli.ok(["import", path, "flat:1"]);
      assert.equal(await cli.ok(["run", "--rm", "flat:1", "cat", "/srv/f199"]), "199");
    }));
}
