/**
 * Blobs in the directory of an OCI image layout: `blobs/sha256/HEX`. Only the owner can read it.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 * @module
 */

import { createReadStream, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { CtrError } from "../errors.ts";
import { blobWriter } from "./blob_writer.ts";
import { decompress } from "./decompress.ts";
import { digestPath, sha256 } from "./digest.ts";
import { ingestBlob, removeUnfinished, RETIRED, unfinished } from "./ingest.ts";
import { LAYOUT } from "./layout.ts";
import type { BlobDirectory } from "./types.ts";

const MAX_DOCUMENT = 8 << 20;
const ALGORITHMS = ["sha256", "sha512"];
const READ = { highWaterMark: 1 << 20 };

let writes = 0;

/**
 * The blobs under `root`, which is created when something is written.
 *
 * @param hold is told every digest before it is looked for, and before it appears.
 */
export function blobDirectory(
  root: string,
  hold: (digest: string) => void = () => {},
): BlobDirectory {
  const ingestDirectory = `${root}/ingest`;
  const pathOf = (digest: string): string => `${root}/blobs/${digestPath(digest)}`;
  const sizeOf = async (digest: string): Promise<number | undefined> => {
    const path = pathOf(digest);
    hold(digest);
    return (await stat(path).catch(() => undefined))?.size;
  };
  const writer = () => {
    const made = blobWriter({ ingest: ingestDirectory, blobs: `${root}/blobs/sha256`, hold });
    if (!existsSync(`${root}/oci-layout`)) {
      writeFileSync(`${root}/oci-layout`, LAYOUT, { mode: 0o600 });
    }
    return made;
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
      const made = writer();
      try {
        made.write(bytes);
        return made.commit().digest;
      } finally {
        made.abort();
      }
    },
    create: writer,
    size: sizeOf,
    remove: async (digest) => {
      if (await sizeOf(digest) === undefined) return false;
      await rm(pathOf(digest), { force: true });
      return true;
    },
    list: async function* () {
      for (const algorithm of ALGORITHMS) {
        const names = await readdir(`${root}/blobs/${algorithm}`).catch(() => []);
        for (const name of names) if (/^[0-9a-f]+$/.test(name)) yield `${algorithm}:${name}`;
      }
    },
    retire: (digests) => {
      if (digests.length > 0) mkdirSync(ingestDirectory, { recursive: true, mode: 0o700 });
      for (const digest of digests) {
        try {
          renameSync(pathOf(digest), `${ingestDirectory}/${RETIRED}${process.pid}.${writes++}`);
        } catch (error) {
          if ((error as { code?: string }).code !== "ENOENT") throw error;
        }
      }
    },
    unfinished: () => unfinished(ingestDirectory),
    removeUnfinished: async (keep) => {
      await removeUnfinished(ingestDirectory, keep);
      // Where versions before 0.2 wrote: nobody does any more.
      for (const algorithm of ALGORITHMS) {
        const names = await readdir(`${root}/blobs/${algorithm}`).catch(() => []);
        for (const name of names) {
          if (name.includes(".")) await rm(`${root}/blobs/${algorithm}/${name}`, { force: true });
        }
      }
    },
    ingest: async function* (descriptor, download, options = {}) {
      const path = pathOf(descriptor.digest);
      hold(descriptor.digest);
      await mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
      await writeFile(`${root}/oci-layout`, LAYOUT, { mode: 0o600, flag: "wx" }).catch(() => {});
      yield* ingestBlob(descriptor, download, { ...options, directory: ingestDirectory, path });
    },
    holding: (told) => blobDirectory(root, told),
    writeIndex: async (manifests) => {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const mediaType = "application/vnd.oci.image.index.v1+json";
      const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
      const partial = `${root}/index.json.new`; // what a crash leaves is overwritten by the next one
      await writeFile(partial, text, { mode: 0o600 });
      await rename(partial, `${root}/index.json`);
    },
    stream: async function* (digest, start = 0) {
      if (await sizeOf(digest) === undefined) throw missing(digest);
      yield* createReadStream(pathOf(digest), { start, ...READ });
    },
    layer: async function* ({ digest }) {
      if (await sizeOf(digest) === undefined) throw missing(digest);
      yield* decompress(createReadStream(pathOf(digest), READ));
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
