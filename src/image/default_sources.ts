/**
 * The content store and registry client that images use unless told otherwise.
 *
 * @module
 */

import { codeOf, CtrError } from "../errors.ts";
import { type BlobDirectory, blobDirectory, type Download } from "../content/mod.ts";
import type { Document, Registry } from "../pull/mod.ts";
import type { Lease } from "../state/mod.ts";
import type { ImagesOptions } from "./images.ts";
import { splitName } from "./name.ts";
import type { Descriptor, ImageSources, RemoteImage } from "./sources.ts";

/** Indexes, manifests and configurations are read into memory. */
const MAX_DOCUMENT = 8 << 20;

const CANNOT_SAY = ["data_loss", "failed_precondition", "not_implemented", "permission_denied"];

/**
 * Where the images of a store come from.
 *
 * @param lease holds every blob that is looked for, or stored.
 */
export async function sourcesOf(
  { sources, state, access }: ImagesOptions,
  lease?: Lease,
): Promise<ImageSources> {
  const hold = lease && ((digest: string) => lease.hold("blob", [digest]));
  if (sources !== undefined) {
    const { blobs } = sources;
    return hold === undefined ? sources : { ...sources, blobs: blobs.holding?.(hold) ?? blobs };
  }
  const blobs = blobDirectory(`${state.dirs.data}/content`, hold);
  const remote: ImageSources["remote"] = async (name, how) => {
    const registry = how.registry ?? await access?.();
    return await openRemote(blobs, name, { ...how, registry }, state.images.get(name)?.target);
  };
  return { blobs, remote };
}

async function openRemote(
  blobs: BlobDirectory,
  name: string,
  { registry: access, signal }: Parameters<ImageSources["remote"]>[1],
  before: Descriptor | undefined,
): Promise<RemoteImage> {
  const { Registry } = await import("../pull/mod.ts");
  const { repository, tag, digest } = splitName(name);
  const registry = new Registry({ ...access, repository, signal });
  const wanted = digest ?? tag ?? "latest";
  const { descriptor: target, bytes } = await unchanged(registry, wanted, blobs, before) ??
    await registry.manifest(wanted);
  const fetched = async function* (descriptor: Descriptor): AsyncGenerator<Uint8Array, void> {
    if (descriptor.digest === target.digest) {
      yield bytes;
      return;
    }
    if (isManifest(descriptor)) {
      const document = await registry.manifest(descriptor.digest);
      if (document.bytes.length === descriptor.size) {
        yield document.bytes;
        return;
      }
      const reason = `it has ${document.bytes.length} bytes, not ${descriptor.size}`;
      throw unusable(descriptor, reason);
    }
    if (descriptor.size > MAX_DOCUMENT) {
      throw unusable(descriptor, `${descriptor.size} bytes are too many for a document`);
    }
    yield* registry.blob(descriptor, { signal });
  };
  return {
    target,
    document: async (descriptor) => {
      if (await blobs.has(descriptor.digest)) return await blobs.read(descriptor.digest);
      const how = { signal, resume: false };
      return await collect(blobs.ingest(descriptor, () => fetched(descriptor), how));
    },
    layer: async function* (descriptor, { onBytes = () => {}, signal: stop }) {
      if (await blobs.has(descriptor.digest)) {
        yield* blobs.stream(descriptor.digest);
        return;
      }
      const download: Download = (stored) =>
        counted(registry.blob(descriptor, { signal: stop, stored }), onBytes);
      yield* blobs.ingest(descriptor, download, { signal: stop });
    },
  };
}

/**
 * What the store has already, if the name still points there: registries limit how many manifests are
 * fetched, and not how often they are asked.
 */
async function unchanged(
  registry: Registry,
  wanted: string,
  blobs: BlobDirectory,
  before: Descriptor | undefined,
): Promise<Document | undefined> {
  if (before === undefined || !await blobs.has(before.digest)) return undefined;
  try {
    const now = await registry.resolve(wanted);
    if (now?.digest !== before.digest) return undefined;
    return { descriptor: before, bytes: await blobs.read(before.digest) };
  } catch (error) {
    // A registry that cannot say it this way is asked as usual.
    if (CANNOT_SAY.includes(codeOf(error))) return undefined;
    throw error;
  }
}

function unusable({ digest }: Descriptor, reason: string): CtrError {
  return new CtrError({ code: "data_loss", operation: "pull", subject: digest, reason });
}

function isManifest({ mediaType }: Descriptor): boolean {
  return /(manifest|index)(\.list)?\.v[0-9]+\+json$/.test(mediaType);
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onBytes: (current: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let current = 0;
  onBytes(0);
  for await (const chunk of source) {
    current += chunk.length;
    yield chunk;
    onBytes(current);
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
