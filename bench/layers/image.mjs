/**
 * The same files as an image of one layer and as one of many.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { arch } from "node:os";
import { tarWriter } from "../pull/tar.mjs";

const FILES_PER_LAYER = 20;

/**
 * Write the archive of an image as `docker save` does.
 *
 * @param {string} file
 * @param {number} layers how many
 * @param {number} parts into how many layers the same files may be divided at most
 */
export function writeImage(file, { name, layers, parts }) {
  const perLayer = Array.from({ length: layers }, () => []);
  for (let part = 0; part < parts; part++) perLayer[part % layers].push(part);
  const tars = perLayer.map((numbers) => layerOf(numbers));
  const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const config = JSON.stringify({
    architecture: arch() === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["true"], Env: ["PATH=/bin"] },
    rootfs: { type: "layers", diff_ids: tars.map((tar) => `sha256:${digest(tar)}`) },
  });
  const Layers = tars.map((_, index) => `${index}.tar`);
  const manifest = JSON.stringify([{ Config: "config.json", RepoTags: [name], Layers }]);
  const whole = tarWriter(tars.reduce((sum, { length }) => sum + length + 512, 1 << 20));
  whole.file("config.json", [Buffer.from(config)]);
  whole.file("manifest.json", [Buffer.from(manifest)]);
  tars.forEach((tar, index) => whole.file(`${index}.tar`, [tar]));
  writeFileSync(file, whole.end());
}

function layerOf(numbers) {
  const tar = tarWriter(numbers.length * FILES_PER_LAYER * 2048 + (8 << 20));
  if (numbers.includes(0)) {
    for (const path of ["bin", "dev", "etc", "proc", "sys", "tmp", "data"]) tar.directory(path);
    tar.file("bin/busybox", [readFileSync("/bin/busybox")], { mode: 0o755 });
    for (const name of ["true", "sh"]) tar.symlink(`bin/${name}`, "busybox");
    tar.file("etc/passwd", [Buffer.from("root:x:0:0:root:/root:/bin/sh\n")]);
    tar.file("etc/group", [Buffer.from("root:x:0:\n")]);
  }
  for (const number of numbers) {
    for (let i = 0; i < FILES_PER_LAYER; i++) {
      tar.file(`data/${number}-${i}`, [Buffer.alloc(1000, number)]);
    }
  }
  return tar.end();
}
