/**
 * Images of a registry, stored as they come.
 *
 * @module
 */

import { mkdirSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { type Credentials, Registry } from "../pull/mod.ts";
import { decompress } from "./decompress.ts";
import { splitName } from "./name.ts";
import type { BlobStore, RemoteImage } from "./sources.ts";

let ingests = 0;

/** The image that a canonical name points to. */
export async function remoteImage(
  name: string,
  options: {
    readonly blobs: BlobStore;
    /** The content store's directory. */
    readonly root: string;
    readonly registry?: Readonly<Record<string, unknown>> | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<RemoteImage> {
  const { blobs, root, signal } = options;
  const { repository, tag, digest } = splitName(name);
  const registry = new Registry({
    repository,
    credentials: options.registry?.credentials as Record<string, Credentials> | undefined,
    insecure: options.registry?.insecure as string[] | undefined,
    signal,
  });
  const { descriptor: target, bytes } = await registry.manifest(digest ?? tag ?? "latest");
  await blobs.write(bytes);
  return {
    target,
    document: async (descriptor) => {
      if (await blobs.has(descriptor.digest)) return await blobs.read(descriptor.digest);
      const manifest = /(manifest|index)/.test(descriptor.mediaType);
      const document = manifest
        ? (await registry.manifest(descriptor.digest)).bytes
        : await collect(registry.blob(descriptor, { signal }));
      await blobs.write(document);
      return document;
    },
    layer: async function* (layer, { onBytes, signal: stop }) {
      if (await blobs.has(layer.digest)) return yield* blobs.layer(layer);
      const [algorithm, hex] = layer.digest.split(":") as [string, string];
      for (const directory of ["ingest", `blobs/${algorithm}`]) {
        mkdirSync(`${root}/${directory}`, { recursive: true, mode: 0o700 });
      }
      const partial = `${root}/ingest/${hex}.${process.pid}.${ingests++}`;
      const file = await open(partial, "wx", 0o600);
      try {
        const kept = (async function* () {
          let current = 0;
          for await (const chunk of registry.blob(layer, { signal: stop ?? signal })) {
            await file.write(chunk);
            current += chunk.length;
            onBytes?.(current);
            yield chunk;
          }
          // All bytes came and were right: the blob exists from now on.
          await rename(partial, `${root}/blobs/${algorithm}/${hex}`);
        })();
        yield* decompress(kept);
        for await (const _rest of kept); // trailing bytes after the compressed data
      } finally {
        await file.close();
        await rm(partial, { force: true });
      }
    },
  };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
