/**
 * Blobs in the directory of an OCI image layout: `blobs/sha256/HEX`. Only the owner can read it.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 * @module
 */

import { createReadStream, existsSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { CtrError } from "../errors.ts";
import { blobWriter } from "./blob_writer.ts";
import { decompress } from "./decompress.ts";
import { digestPath, sha256 } from "./digest.ts";
import type { BlobDirectory } from "./types.ts";

const LAYOUT = '{"imageLayoutVersion":"1.0.0"}';
const MAX_DOCUMENT = 8 << 20;
let writes = 0;

/** The blobs under `root`, which is created when something is written. */
export function blobDirectory(root: string): BlobDirectory {
  const pathOf = (digest: string): string => `${root}/blobs/${digestPath(digest)}`;
  const sizeOf = async (digest: string): Promise<number | undefined> =>
    (await stat(pathOf(digest)).catch(() => undefined))?.size;
  const partialPath = async (digest: string): Promise<string> => {
    const path = pathOf(digest);
    await mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    await writeFile(`${root}/oci-layout`, LAYOUT, { mode: 0o600, flag: "wx" }).catch(() => {});
    return `${path}.${process.pid}.${writes++}`;
  };
  return {
    has: async (digest) => await sizeOf(digest) !== undefined,
    read: async (digest) => {
      const size = await sizeOf(digest);
      if (size === undefined) throw missing(digest);
      if (size > MAX_DOCUMENT) {
        throw corrupt(digest, `it has ${size} bytes, too many for a document`);
      }
      const bytes = await readFile(pathOf(digest));
      if (digest.startsWith("sha256:") && sha256(bytes) !== digest) {
        throw corrupt(digest, "its content has another digest");
      }
      return bytes;
    },
    write: async (bytes) => {
      const digest = sha256(bytes);
      const partial = await partialPath(digest);
      await writeFile(partial, bytes, { mode: 0o600 });
      await rename(partial, pathOf(digest));
      return digest;
    },
    create: () => {
      const writer = blobWriter(`${root}/blobs/sha256`, `${process.pid}.${writes++}`);
      if (!existsSync(`${root}/oci-layout`)) {
        writeFileSync(`${root}/oci-layout`, LAYOUT, { mode: 0o600 });
      }
      return writer;
    },
    size: sizeOf,
    remove: async (digest) => {
      if (await sizeOf(digest) === undefined) return false;
      await rm(pathOf(digest), { force: true });
      return true;
    },
    list: async function* () {
      for (const algorithm of ["sha256", "sha512"]) {
        const names = await readdir(`${root}/blobs/${algorithm}`).catch(() => []);
        for (const name of names) if (/^[0-9a-f]+$/.test(name)) yield `${algorithm}:${name}`;
      }
    },
    removePartial: async () => {
      for (const algorithm of ["sha256", "sha512"]) {
        const names = await readdir(`${root}/blobs/${algorithm}`).catch(() => []);
        for (const name of names) {
          if (name.includes(".")) await rm(`${root}/blobs/${algorithm}/${name}`, { force: true });
        }
      }
    },
    ingest: async function* ({ digest }, source) {
      const partial = await partialPath(digest);
      const file = await open(partial, "wx", 0o600);
      try {
        for await (const chunk of source) {
          for (let at = 0; at < chunk.length;) {
            at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
          }
          yield chunk;
        }
        await rename(partial, pathOf(digest));
      } finally {
        await file.close();
        await rm(partial, { force: true });
      }
    },
    writeIndex: async (manifests) => {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const mediaType = "application/vnd.oci.image.index.v1+json";
      const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
      const partial = `${root}/index.json.${process.pid}.${writes++}`;
      await writeFile(partial, text, { mode: 0o600 });
      await rename(partial, `${root}/index.json`);
    },
    stream: async function* (digest, start = 0) {
      if (await sizeOf(digest) === undefined) throw missing(digest);
      yield* createReadStream(pathOf(digest), { start, highWaterMark: 1 << 20 });
    },
    layer: async function* ({ digest }) {
      if (await sizeOf(digest) === undefined) throw missing(digest);
      yield* decompress(createReadStream(pathOf(digest), { highWaterMark: 1 << 20 }));
    },
  };
}

function missing(subject: string): CtrError {
  return new CtrError({
    code: "not_found",
    operation: "find blob",
    subject,
    reason: "no such blob",
  });
}

function corrupt(subject: string, reason: string): CtrError {
  return new CtrError({ code: "data_loss", operation: "read blob", subject, reason });
}
