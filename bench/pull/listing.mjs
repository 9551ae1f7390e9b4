/**
 * Does listing the images depend on how many there are?
 *
 * @module
 */

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { run } from "../start/programs.mjs";
import { timed, turned } from "../start/race.mjs";
import { ctr } from "./contestants.mjs";
import { tarWriter } from "./tar.mjs";

const STORES = [{ images: 10, tags: 10 }, { images: 500, tags: 1000 }];
const ROUNDS = 15;

/** `ctr images` over both stores, in turns. @returns {object[]} rows with `times` */
export function listings(bench) {
  const rows = ["bun", "deno"].flatMap((runtime) =>
    STORES.flatMap((store) => {
      const own = ctr(bench, runtime, `${store.images}-images`);
      if (own === undefined) return [];
      const archive = join(bench.work, `${store.images}.tar`);
      writeFileSync(archive, archiveOf(store));
      run([...own.base, "load", "--quiet", "--input", archive], own.env);
      const name = `ctr images on ${runtime}, ${store.images} images, ${store.tags} tags`;
      return [{ name, version: own.version, own, times: [] }];
    })
  );
  for (let round = -2; round < ROUNDS; round++) {
    for (const { own, name, times } of turned(rows, round)) {
      const ms = timed([...own.base, "images"], { name, env: own.env });
      if (round >= 0) times.push(ms);
    }
  }
  return rows.map(({ name, version, times }) => ({ name, version, times }));
}

/** Images that differ in their configuration, as `docker save` writes them. */
function archiveOf({ images, tags }) {
  const tar = tarWriter((images + 4) * 4096 + tags * 128);
  const layer = tarWriter(8192);
  layer.directory("etc");
  layer.file("etc/motd", [Buffer.from("bench\n")]);
  const bytes = layer.end();
  const diffId = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  tar.file("layer.tar", [bytes]);
  const manifest = Array.from({ length: images }, (_, index) => {
    const config = Buffer.from(JSON.stringify({
      architecture: arch() === "arm64" ? "arm64" : "amd64",
      os: "linux",
      created: new Date(1.6e12 + index * 1e8).toISOString(),
      config: { Cmd: ["true"], Env: [`NUMBER=${index}`] },
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created_by: "bench" }],
    }));
    const name = `${createHash("sha256").update(config).digest("hex")}.json`;
    tar.file(name, [config]);
    const versions = Array.from({ length: tags / images }, (_, n) => `bench/image-${index}:v${n}`);
    return { Config: name, RepoTags: versions, Layers: ["layer.tar"] };
  });
  tar.file("manifest.json", [Buffer.from(JSON.stringify(manifest))]);
  return tar.end();
}
