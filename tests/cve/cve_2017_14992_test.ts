import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openImages } from "../../src/image/mod.ts";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { until } from "../fixtures/cli.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { withLoop } from "../fixtures/loop_fs.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { blocks, join } from "../fixtures/raw_tar.ts";

// Docker: a layer of a few megabytes became one that filled memory, or the disk.

/** An image of a file of 400 MB of nothing, packed in 400 KB, for a disk of 256. */
function bomb(): Uint8Array {
  const size = 400;
  const header = blocks({ path: "f", raw: { 124: (size << 20).toString(8).padStart(11, "0") } });
  const part = gzipSync(new Uint8Array(8 << 20));
  const parts = [gzipSync(join(header)), ...Array.from({ length: size / 8 }, () => part)];
  const images = new ImageBuilder();
  const layer = images.put("application/vnd.oci.image.layer.v1.tar+gzip", join(parts));
  const target = images.image([{ f: "1" }]);
  const manifest = JSON.parse(new TextDecoder().decode(images.blobs.get(target.digest)!));
  const changed = { ...manifest, layers: [layer] };
  return layoutArchive(images, images.put(target.mediaType, changed), "bomb:1");
}

for (const name of ["overlayfs", "native", "erofs"] as const) {
  const more = name === "erofs" ? needs("erofs") : needs();
  const { skip } = needs("root", "loop", "overlayfs", "cmd:mkfs.ext4");
  test(
    `CVE-2017-14992: a bomb does not fill the disk (${name})`,
    { skip: skip || more.skip },
    () =>
      withLoop("ext4", async (directory) => {
        const state = openState({
          data: path.join(directory, "data"),
          exec: path.join(directory, "exec"),
        });
        try {
          const snapshotter = await openSnapshotter(name, state);
          const images = openImages({ state, snapshotter });
          const free = (): number => statfsSync(directory).bavail * statfsSync(directory).bsize;
          await images.list();
          const before = free();
          const archive = bomb();
          const load = images.load(async function* () {
            yield archive;
          }());
          await assert.rejects(load, {
            code: "resource_exhausted",
            message: /does not fit on the disk, where \d+ MB are free/,
          });
          await snapshotter.settled();
          assert.deepEqual(await images.list(), []);
          // The file system may give blocks back a moment after their file is gone.
          await until("the space to come back", () => {
            execFileSync("sync", ["-f", directory]);
            return before - free() < 4 << 20;
          });
        } finally {
          state.close();
        }
      }),
  );
}
