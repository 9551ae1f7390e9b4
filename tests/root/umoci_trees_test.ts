import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { openImages } from "../../src/image/mod.ts";
import { openSnapshotter } from "../../src/snapshot/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { describeTree } from "../fixtures/describe_tree.ts";
import { layoutArchive } from "../fixtures/image_archive.ts";
import { mountLoop } from "../fixtures/loop_fs.ts";
import { mounted } from "../fixtures/mounted.ts";
import { NASTY_IMAGES } from "../fixtures/nasty_images.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { tar } from "../fixtures/raw_tar.ts";

const { skip } = needs("root", "overlayfs", "cmd:umoci", "cmd:unshare", "cmd:python3");
const run = promisify(execFile);
const LOOK = describeTree({ times: "all" });

let loop: ReturnType<typeof mountLoop> | undefined;
after(async () => (await loop)?.end());

const SNAPSHOTTERS = [
  ["overlayfs", needs()],
  ["native", needs()],
  ["erofs", needs("erofs")],
  ["btrfs", needs("btrfs", "loop", "cmd:mkfs.btrfs")],
] as const;

/** An overlay cannot say that files of two layers are one: it shows as many as there are layers. */
function withoutLinks(line: string): string {
  return line.replace(/\((\d+), \d+, b'.*?'\)/, "$1");
}

/** What umoci makes of an image that a layout in `directory` has. */
async function unpacked(directory: string, name: string): Promise<string[]> {
  const bundle = join(directory, "bundle");
  await run("umoci", ["unpack", "--image", `${join(directory, "layout")}:${name}`, bundle]);
  const { stdout } = await run("sh", ["-c", LOOK], { cwd: join(bundle, "rootfs") });
  return stdout.split("\n");
}

for (const [about, layers] of Object.entries(NASTY_IMAGES)) {
  test(`${about}: umoci unpacks to the same tree as every snapshotter`, { skip }, async () => {
    const top = mkdtempSync(join(tmpdir(), "ctr-umoci-"));
    try {
      const images = new ImageBuilder();
      const platform = `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`;
      const packed = layers.map((layer) => layer instanceof Uint8Array ? layer : tar(...layer));
      const target = images.image(packed, { platform });
      mkdirSync(join(top, "layout"));
      images.write(join(top, "layout"), { nasty: target });
      const expected = await unpacked(top, "nasty");
      for (const [name, { skip: without }] of SNAPSHOTTERS) {
        if (without !== false) continue;
        const place = name === "btrfs" ? (await (loop ??= mountLoop("btrfs"))).directory : top;
        const data = mkdtempSync(join(place, "data-"));
        const state = openState({ data, exec: join(data, "exec") });
        try {
          const snapshotter = await openSnapshotter(name, state);
          const [loaded] = await openImages({ state, snapshotter }).load(async function* () {
            yield layoutArchive(images, target, "nasty:1");
          }());
          const mounts = await snapshotter.view("v", loaded!.image.chainId);
          const found = (await mounted(mounts, LOOK)).split("\n");
          const shown = (lines: string[]): string[] =>
            name === "overlayfs" && /links across|sparse/.test(about)
              ? lines.map(withoutLinks)
              : lines;
          assert.deepEqual(shown(found), shown(expected), name);
        } finally {
          state.close();
        }
      }
    } finally {
      rmSync(top, { recursive: true, force: true });
    }
  });
}
