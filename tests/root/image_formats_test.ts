/**
 * Images and archives in every compression that others write.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdDecompressSync } from "node:zlib";
import { Registry } from "../../src/pull/mod.ts";
import { BUSYBOX, busyboxLayer } from "../fixtures/busybox_image.ts";
import { output, withCli } from "../fixtures/cli.ts";
import { startDockerRegistry } from "../fixtures/docker_registry.ts";
import { writeImageArchive } from "../fixtures/image_archive.ts";
import { needs } from "../fixtures/needs.ts";
import { ImageBuilder } from "../fixtures/oci_layout.ts";
import { packedBy } from "../fixtures/packed_by.ts";
import { tar } from "../fixtures/raw_tar.ts";

const NEEDS = needs("root", "overlayfs", "cmd:docker-registry", "cmd:skopeo", `file:${BUSYBOX}`);

/** The table of contents of the first layer of an image, without where things are. */
async function contentsOf(host: string, name: string): Promise<unknown[]> {
  const registry = new Registry({ repository: `${host}/${name}` });
  const { layers } = JSON.parse(new TextDecoder().decode((await registry.manifest("1")).bytes));
  const [layer] = layers;
  assert.match(layer.mediaType, /\+zstd$/);
  const annotations = Object.entries(layer.annotations as Record<string, string>);
  const place = annotations.find(([key]) => key.endsWith(".zstd-chunked.manifest-position"))!;
  const [at, length] = place[1].split(":").map(Number) as [number, number];
  const parts: Uint8Array[] = [];
  for await (const part of registry.blob(layer)) parts.push(part);
  const table = zstdDecompressSync(Buffer.concat(parts).subarray(at, at + length));
  const { entries } = JSON.parse(table.toString()) as { entries: Record<string, unknown>[] };
  return entries.filter(({ type }) => type !== "chunk").map((entry) =>
    Object.fromEntries(Object.entries(entry).filter(([key]) => !/^(chunk|offset|endO)/.test(key)))
  );
}

test(
  "zstd:chunked of skopeo's making runs, and ours says the same of files",
  NEEDS,
  () =>
    withCli("formats", async (cli) => {
      const registry = await startDockerRegistry();
      try {
        const images = new ImageBuilder();
        const layer = tar(...busyboxLayer(), { path: "greeting", data: "chunked\n" });
        const layout = join(cli.root, "layout");
        images.write(layout, { plain: images.image([layer], { compression: "none" }) });
        const to = `docker://${registry.host}/chunked:1`;
        const format = ["--dest-compress-format", "zstd:chunked", "--dest-tls-verify=false"];
        await output(["skopeo", "copy", "-q", ...format, `oci:${layout}:plain`, to]);
        const name = `${registry.host}/chunked:1`;
        assert.equal(await cli.ok(["run", "--rm", "-q", name, "cat", "/greeting"]), "chunked\n");
        await cli.ok(["image", "convert", "--uncompress", name, "plain:1"]);
        const ours = `${registry.host}/ours:1`;
        await cli.ok(["image", "convert", "--zstdchunked", "plain:1", ours]);
        await cli.ok(["push", "-q", ours]);
        const entries = await contentsOf(registry.host, "ours");
        assert.ok(entries.length > 10);
        assert.deepEqual(entries, await contentsOf(registry.host, "chunked"));
      } finally {
        await registry.stop();
      }
    }),
);

test(
  "load and import read xz and bzip2",
  needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`, "cmd:xz", "cmd:bzip2"),
  () =>
    withCli("formats", async (cli) => {
      const archive = join(cli.root, "image.tar");
      writeImageArchive(archive, "app:1");
      const files = join(cli.root, "files.tar");
      writeFileSync(files, tar(...busyboxLayer()));
      const packed = async (path: string, program: string): Promise<string> => {
        const to = `${path}.${program}`;
        writeFileSync(to, await packedBy(program, readFileSync(path)));
        return to;
      };
      for (const program of ["xz", "bzip2"]) {
        const id = await cli.ok(["load", "-q", "-i", await packed(archive, program)]);
        assert.equal(id, "Loaded image: app:1\n");
        await cli.ok(["import", await packed(files, program), `${program}:1`]);
        const run = ["run", "--rm", "--entrypoint", "/bin/echo", `${program}:1`, program];
        assert.equal(await cli.ok(run), `${program}\n`);
      }
      // A member for each half: what `cat a.gz b.gz` and pigz make.
      const bytes = readFileSync(archive);
      const half = bytes.length >> 1;
      const members = [bytes.subarray(0, half), bytes.subarray(half)].map((part) => gzipSync(part));
      writeFileSync(`${archive}.gz`, Buffer.concat(members));
      assert.equal(await cli.ok(["load", "-i", `${archive}.gz`]), "Loaded image: app:1\n");
    }),
);

test(
  "a layer of several gzip members is pulled as one",
  needs("root", "overlayfs", "x86_64", `file:${BUSYBOX}`, "cmd:docker-registry", "cmd:skopeo"),
  () =>
    withCli("formats", async (cli) => {
      const registry = await startDockerRegistry();
      try {
        const images = new ImageBuilder();
        const image = images.image([tar(...busyboxLayer())], { compression: "none" });
        const manifest = images.json(image);
        const layer = images.blobs.get(manifest.layers[0].digest)!;
        const parts = [0, 1, 2].map((at) => {
          const size = Math.ceil(layer.length / 3);
          return gzipSync(layer.subarray(at * size, (at + 1) * size));
        });
        const type = "application/vnd.oci.image.layer.v1.tar+gzip";
        const packed = images.put(type, Buffer.concat(parts));
        const target = images.put(image.mediaType, { ...manifest, layers: [packed] });
        await registry.push(images, target, "members:1");
        const name = `${registry.host}/members:1`;
        assert.equal(await cli.ok(["run", "--rm", "-q", name, "echo", "hi"]), "hi\n");
      } finally {
        await registry.stop();
      }
    }),
);
