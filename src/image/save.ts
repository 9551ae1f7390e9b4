/**
 * `docker save`: images as one tar archive, which is an OCI layout and has Docker's `manifest.json`
 * besides, so that everybody's `load` reads it. The same images give the same bytes.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 * @module
 */

import { CtrError } from "../errors.ts";
import { tar } from "../snapshot/mod.ts";
import type { ImageRecord } from "../state/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import { type ImageDocuments, isIndex, platformOf, readDocuments } from "./documents.ts";
import { HOST, isHost } from "./host.ts";
import type { ImagesOptions } from "./images.ts";
import { canonicalName, familiarName, splitName } from "./name.ts";
import { missingOf } from "./platforms.ts";
import { findRecord, missing, resolveStored } from "./resolve.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import { normalizePlatform } from "./variant.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** How to save. */
export interface SaveOptions {
  /** One platform only; default: all that are in the store. */
  readonly platform?: string | undefined;
  /** Refuse to save less than all platforms of an image. */
  readonly allPlatforms?: boolean | undefined;
}

interface Wanted {
  readonly target: Descriptor;
  /** Canonical; none for an image that was asked for by ID. */
  readonly names: Set<string>;
}

/**
 * The archive of some images. A repository without a tag means all its tags.
 *
 * @throws {CtrError} `not_found` before the first byte when an image or its platform is not here.
 */
export async function* saveImages(
  options: ImagesOptions,
  references: readonly string[],
  { platform, allPlatforms }: SaveOptions = {},
): AsyncGenerator<Uint8Array, void> {
  using lease = (await options.state.leases()).take("save");
  const chosen = options.state.transaction(() => {
    const found = select(options, references);
    lease.hold("image", found.map(({ target }) => target.digest));
    return found;
  });
  const { blobs } = await sourcesOf(options);
  const content = new Set<string>();
  const index: object[] = [];
  const docker = new Map<string, { Config: string; RepoTags: string[]; Layers: string[] }>();
  for (const { target, names } of chosen) {
    const absent = allPlatforms === true ? await missingOf(blobs, target) : undefined;
    if (absent !== undefined) throw incomplete(target.digest, absent, "--all-platforms");
    const { descriptor, images } = await documentsOf(options, target, platform, blobs, content);
    for (const name of names.size === 0 ? [undefined] : names) {
      const annotations = name === undefined ? undefined : {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": splitName(name).tag!,
      };
      index.push({ ...descriptor, ...annotations && { annotations } });
    }
    for (const { configDescriptor, layers } of images) {
      const Config = pathOf(configDescriptor.digest);
      const entry = docker.get(Config) ??
        { Config, RepoTags: [], Layers: layers.map(({ digest }) => pathOf(digest)) };
      // One name is one image there: of the first platform, which is this machine's where it can be.
      if (images[0]!.configDescriptor === configDescriptor) {
        entry.RepoTags.push(...[...names].map(familiarName));
      }
      docker.set(Config, entry);
    }
  }
  const { TAR_END, tarHeader, tarPadding } = await tar();
  const text = (path: string, value: unknown): Uint8Array[] => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const header = tarHeader({ path, type: "file", mode: 0o644, size: bytes.length });
    return [header, bytes, tarPadding(bytes.length)];
  };
  for (const path of ["blobs", "blobs/sha256"]) {
    yield tarHeader({ path, type: "directory", mode: 0o755 });
  }
  for (const digest of [...content].sort()) {
    const size = (await blobs.size(digest))!;
    yield tarHeader({ path: pathOf(digest), type: "file", mode: 0o644, size });
    yield* blobs.stream(digest);
    yield tarPadding(size);
  }
  yield* text("index.json", { schemaVersion: 2, mediaType: INDEX, manifests: index });
  yield* text("manifest.json", [...docker.values()]);
  yield* text("oci-layout", { imageLayoutVersion: "1.0.0" });
  yield TAR_END;
}

function select({ state, snapshotter }: ImagesOptions, references: readonly string[]): Wanted[] {
  const wanted = new Map<string, Wanted>();
  const add = (target: Descriptor, name: string | undefined): void => {
    const entry = wanted.get(target.digest) ?? { target, names: new Set<string>() };
    if (name !== undefined && !name.includes("@")) entry.names.add(name);
    wanted.set(target.digest, entry);
  };
  for (const reference of references) {
    if (isHost(reference)) throw builtIn(reference);
    const tags = allTags(state.images.list(), reference);
    const record = findRecord(state, reference);
    if (tags.length > 0) { for (const { name, target } of tags) add(target, name); }
    else if (record !== undefined) add(record.target, record.name);
    else {
      const found = resolveStored(state, reference, undefined, snapshotter.name);
      const named = found && state.images.named(found.image.target)[0];
      if (named === undefined) throw missing(state, reference, undefined);
      if (named.name === HOST) throw builtIn(reference);
      add(named.target, undefined);
    }
  }
  return [...wanted.values()];
}

/** What Docker saves of a name without a tag. */
function allTags(records: readonly ImageRecord[], reference: string): ImageRecord[] {
  if (/[:@][^/]*$/.test(reference) || /^[0-9a-f]{64}$/.test(reference)) return [];
  const { repository } = splitName(canonicalName(reference));
  return records.filter(({ name }) => name.startsWith(`${repository}:`)).reverse();
}

/** What the archive points to, its images on each platform, and the blobs that they need. */
async function documentsOf(
  { state }: ImagesOptions,
  target: Descriptor,
  platform: string | undefined,
  blobs: BlobStore,
  content: Set<string>,
): Promise<{ descriptor: Descriptor; images: readonly ImageDocuments[] }> {
  const here = normalizePlatform(undefined);
  const platforms = platform === undefined
    ? state.images.variants(target.digest).map((variant) => variant.platform)
      .sort((a, b) => Number(b === here) - Number(a === here))
    : [normalizePlatform(platform)];
  const images: ImageDocuments[] = [];
  for (const each of platforms) {
    const documents = await readDocuments(target, each, ({ digest }) => blobs.read(digest));
    const actual = platformOf(documents.config);
    if (platform !== undefined && !isIndex(target.mediaType) && actual !== each) {
      throw incomplete(target.digest, `the image is for ${actual}; ${each}`);
    }
    images.push(documents);
  }
  for (const { manifest, configDescriptor, layers } of images) {
    for (const { digest } of [manifest, configDescriptor, ...layers]) {
      if (!await blobs.has(digest)) throw incomplete(target.digest, digest);
      content.add(digest);
    }
  }
  const [first] = images;
  if (first === undefined) throw incomplete(target.digest, "its manifest");
  if (!isIndex(target.mediaType)) return { descriptor: target, images };
  // Tools want all that an index lists: where not everything is here, it is left out.
  const index = JSON.parse(new TextDecoder().decode(await blobs.read(target.digest)));
  const listed: readonly Descriptor[] = index.manifests;
  if (listed.every(({ digest }) => content.has(digest))) {
    content.add(target.digest);
    return { descriptor: target, images };
  }
  if (images.length === 1) return { descriptor: plain(first.manifest), images };
  const some = listed.filter(({ digest }) =>
    images.some(({ manifest }) => manifest.digest === digest)
  );
  const bytes = new TextEncoder().encode(JSON.stringify({ ...index, manifests: some }));
  const digest = await blobs.write(bytes);
  content.add(digest);
  return { descriptor: { mediaType: target.mediaType, digest, size: bytes.length }, images };
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function pathOf(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function incomplete(subject: string, what: string, flag = ""): CtrError {
  return new CtrError({
    code: "not_found",
    operation: "save image",
    subject,
    reason: `${what} is not in the store`,
    hint: `pull the image again${flag === "" ? "" : ` with ${flag}`}`,
  });
}

function builtIn(subject: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "save image",
    subject,
    reason: "the built-in image is this machine",
  });
}
