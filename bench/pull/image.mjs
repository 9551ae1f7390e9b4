/**
 * Images for the bench, made here and put into a registry: files of many sizes, half of which
 * compress, whiteouts, opaque directories, hard links and a file with capabilities.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { arch } from "node:os";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { random, texture } from "./random.mjs";
import { tarWriter } from "./tar.mjs";

const MB = 1 << 20;
const compress = promisify(gzip);

/** Bytes of tar, files, and the size of one large file, per layer: about what a Node.js image has. */
const LARGE = [
  { bytes: 78 * MB, files: 2600 },
  { bytes: 24 * MB, files: 700 },
  { bytes: 150 * MB, files: 400, large: 120 * MB },
  { bytes: 168 * MB, files: 7600 },
  { bytes: 60 * MB, files: 2000, hides: 0 },
  { bytes: 24 * MB, files: 800, hides: 27 },
  { bytes: 4 * MB, files: 200 },
];
const SMALL = [{ bytes: 4.5 * MB, files: 120 }];

/** The image of many layers. @yields one layer at a time: all together would be half a gigabyte */
export const largeImage = () => layers(LARGE, 1);
/** One layer of 2 MB. */
export const smallImage = () => layers(SMALL, 2);

async function* layers(shapes, seed) {
  const source = texture(16 * MB, random(seed));
  // Two at a time: gzip works in threads of its own.
  let before;
  for (const [index, shape] of shapes.entries()) {
    const next = packed(layerTar(shape, index, { source, next: random(seed * 100 + index) }));
    if (before !== undefined) yield await before;
    before = next;
  }
  yield await before;
}

async function packed({ tar, entries }) {
  const diffId = digestOf(tar);
  const blob = await compress(tar, { level: 6 });
  return { blob, digest: digestOf(blob), diffId, tarBytes: tar.length, entries };
}

function layerTar({ bytes, files, large, hides }, index, { source, next }) {
  const tar = tarWriter(bytes + files * 1024 + 8 * MB);
  const top = `opt/layer${index}`;
  for (const path of ["opt", top]) tar.directory(path);
  if (large !== undefined) tar.file(`${top}/large`, pieces(source, next, large));
  const mean = (bytes - (large ?? 0)) / files - 700;
  let directory = top;
  let name = "";
  for (let n = 0; n < files; n++) {
    if (n % 9 === 0) {
      const depth = 1 + Math.floor(next() * 3);
      directory = `${top}/d${Math.floor(n / 90)}`;
      if (n % 90 === 0) tar.directory(directory);
      for (let d = 0; d < depth; d++) tar.directory(directory = `${directory}/s${n}-${d}`);
    }
    const size = Math.round(mean * -Math.log(1 - next() * 0.9999));
    name = `${directory}/file-${n}.${n % 3 === 0 ? "js" : "so"}`;
    tar.file(name, pieces(source, next, size), n % 40 === 0 ? { mode: 0o755 } : {});
    if (n % 60 === 0) tar.symlink(`${directory}/link-${n}`, `file-${n}.js`);
    if (n % 200 === 0) tar.hardlink(`${directory}/hard-${n}`, name);
  }
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
  tar.file(`${top}/ping`, [source.subarray(0, 60_000)], {
    mode: 0o755,
    xattrs: { "security.capability": capability },
  });
  // What the lowest layer has: some of it goes, and some directories begin anew.
  for (let n = 0; hides !== undefined && n < 20; n++) {
    const directory = `opt/layer0/d${n}`;
    tar.directory(directory);
    if (n < 16) tar.file(`${directory}/.wh.s${n * 90 + hides}-0`, []);
    for (const more of [9, 18]) {
      const opaque = `${directory}/s${n * 90 + hides + more}-0`;
      tar.directory(opaque);
      tar.file(`${opaque}/.wh..wh..opq`, []);
    }
  }
  return { tar: tar.end(), entries: tar.entries() };
}

/** A file's bytes: pieces of the source from anywhere. */
function* pieces(source, next, size) {
  for (let left = size; left > 0;) {
    const take = Math.min(left, 256 << 10);
    const from = Math.floor(next() * (source.length - take));
    yield source.subarray(from, from + take);
    left -= take;
  }
}

/**
 * Put an image into a repository of a registry.
 *
 * @returns what it has: bytes of tar and of blobs, entries
 */
export async function publish(image, { host, repository }) {
  const base = `http://${host}/v2/${repository}`;
  const upload = async (bytes) => {
    const digest = digestOf(bytes);
    const begun = await answer(`${base}/blobs/uploads/`, { method: "POST" });
    const at = new URL(begun.headers.get("location"), base);
    at.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    await answer(at, { method: "PUT", body: bytes, headers });
    return { digest, size: bytes.length };
  };
  const sum = { tarBytes: 0, blobBytes: 0, entries: 0, layers: 0 };
  const descriptors = [];
  const diffIds = [];
  for await (const { blob, diffId, tarBytes, entries } of image) {
    const mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    descriptors.push({ mediaType, ...await upload(blob) });
    diffIds.push(diffId);
    sum.tarBytes += tarBytes;
    sum.blobBytes += blob.length;
    sum.entries += entries;
    sum.layers++;
  }
  const config = Buffer.from(JSON.stringify({
    architecture: arch() === "arm64" ? "arm64" : "amd64",
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: { Cmd: ["true"] },
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map(() => ({ created: "2024-01-01T00:00:00Z", created_by: "bench" })),
  }));
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      ...await upload(config),
    },
    layers: descriptors,
  };
  const headers = { "content-type": mediaType };
  const body = JSON.stringify(manifest);
  await answer(`${base}/manifests/latest`, { method: "PUT", headers, body });
  return sum;
}

async function answer(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${init.method} ${url}: ${await response.text()}`);
  await response.arrayBuffer();
  return response;
}

function digestOf(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
