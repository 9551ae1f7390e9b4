/**
 * Blobs in the directory of an OCI image layout: `blobs/sha256/HEX`.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 * @module
 */

import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { CtrError } from "../errors.ts";
import { sha256 } from "./chain.ts";
import { decompress } from "./decompress.ts";
import type { BlobStore } from "./sources.ts";

const MAX_DOCUMENT = 8 << 20;
let writes = 0;

/** The blobs under `root`, which is created when something is written. */
export function blobDirectory(root: string): BlobStore {
  const pathOf = (digest: string): string => {
    const [algorithm, hex] = digest.split(":");
    if (!/^sha(256|512)$/.test(algorithm ?? "") || !/^[0-9a-f]{64,128}$/.test(hex ?? "")) {
      throw new CtrError({
        code: "invalid_argument",
        operation: "find blob",
        subject: digest,
        reason: "it is not a digest",
      });
    }
    return `${root}/blobs/${algorithm}/${hex}`;
  };
  const sizeOf = async (digest: string): Promise<number | undefined> =>
    (await stat(pathOf(digest)).catch(() => undefined))?.size;
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
      const path = pathOf(digest);
      await mkdir(`${root}/blobs/sha256`, { recursive: true, mode: 0o700 });
      const partial = `${path}.${process.pid}.${writes++}`;
      await writeFile(partial, bytes, { mode: 0o600 });
      await rename(partial, path);
      return digest;
    },
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
