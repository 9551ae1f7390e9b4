/**
 * An image of the store into a registry: blobs, then manifests, then the name.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { Registry } from "../pull/mod.ts";
import { sourcesOf } from "./default_sources.ts";
import { isIndex } from "./documents.ts";
import type { ImagesOptions, PushImageOptions } from "./images.ts";
import type { PushedImage } from "./types.ts";
import { canonicalName, splitName } from "./name.ts";
import { missingOf } from "./platforms.ts";
import { findRecord, missing } from "./resolve.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import { normalizePlatform } from "./variant.ts";

const AT_A_TIME = 3;

/** What has to go, leaves first. */
interface Plan {
  readonly blobs: Map<string, Descriptor>;
  readonly manifests: { readonly descriptor: Descriptor; readonly bytes: Uint8Array }[];
}

/**
 * Push what a name points to, with all its platforms; where the store has only one of them, that.
 *
 * @throws {CtrError} `not_found` when there is no such image; those of the registry client
 */
export async function pushImage(
  options: ImagesOptions,
  reference: string,
  how: PushImageOptions = {},
): Promise<PushedImage> {
  const { state, access } = options;
  const { onProgress = () => {}, signal } = how;
  const name = canonicalName(reference);
  using lease = (await state.leases()).take("push");
  const record = state.transaction(() => {
    const found = findRecord(state, reference);
    if (found === undefined) throw missing(state, reference, how.platform);
    lease.hold("image", [found.target.digest]);
    return found;
  });
  const { blobs } = await sourcesOf(options);
  const absent = await missingOf(blobs, record.target);
  if (how.allPlatforms === true && absent !== undefined) {
    throw new CtrError({
      code: "not_found",
      operation: "push",
      subject: reference,
      reason: `not all of its platforms are here: ${absent} is not in the store`,
      hint: "pull it with --all-platforms",
    });
  }
  const whole = how.platform === undefined && absent === undefined;
  const target = whole
    ? record.target
    : await manifestOf(options, record.target, normalizePlatform(how.platform), reference, blobs);
  const plan: Plan = { blobs: new Map(), manifests: [] };
  await collect(blobs, target, plan);

  const { repository, tag } = splitName(name);
  const { Registry } = await import("../pull/mod.ts");
  const registry = new Registry({
    ...how.registry ?? await access?.(),
    repository,
    operation: "push",
    signal,
  });
  for (const { digest, size } of plan.blobs.values()) {
    onProgress({ status: "waiting", id: digest, total: size });
  }
  const mountFrom = mountable(options, repository, record.target.digest);
  await pushAll([...plan.blobs.values()], async (blob) => {
    await pushOne(registry, blobs, blob, { mountFrom, onProgress, signal });
  });
  for (const { descriptor, bytes } of plan.manifests) {
    const last = descriptor.digest === target.digest;
    await registry.pushManifest(last ? tag ?? descriptor.digest : descriptor.digest, {
      descriptor,
      bytes,
    });
  }
  return { name, target: target.digest, size: target.size, whole };
}

async function pushOne(
  registry: Registry,
  blobs: BlobStore,
  blob: Descriptor,
  how: Pick<PushImageOptions, "onProgress" | "signal"> & { mountFrom: string | undefined },
): Promise<void> {
  const { digest, size } = blob;
  const { mountFrom, onProgress = () => {}, signal } = how;
  const result = await registry.pushBlob(blob, (start) => blobs.stream(digest, start), {
    mountFrom,
    signal,
    onBytes: (current) => onProgress({ status: "pushing", id: digest, current, total: size }),
  });
  const message = result === "mounted" ? { message: mountFrom! } : {};
  onProgress({ status: result, id: digest, current: size, total: size, ...message });
}

/** A few at a time; the first failure is the one that counts. */
async function pushAll(
  all: readonly Descriptor[],
  work: (blob: Descriptor) => Promise<void>,
): Promise<void> {
  const left = [...all];
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && !failed; next = left.shift()) {
      await work(next).catch((error) => {
        failed = true;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_A_TIME }, worker));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}

/** A repository of the same registry that has this image under another name. */
function mountable(
  { state }: ImagesOptions,
  repository: string,
  target: string,
): string | undefined {
  const host = repository.slice(0, repository.indexOf("/") + 1);
  return state.images.named(target).map(({ name }) => splitName(name).repository)
    .find((other) => other !== repository && other.startsWith(host))?.slice(host.length);
}

async function manifestOf(
  { state, snapshotter }: ImagesOptions,
  target: Descriptor,
  platform: string,
  reference: string,
  blobs: BlobStore,
): Promise<Descriptor> {
  const name = state.images.named(target.digest)[0]!.name;
  const digest = state.images.find(name, platform, snapshotter.name)?.variant?.manifest;
  if (digest === undefined) throw missing(state, reference, platform);
  if (digest === target.digest) return target;
  const { manifests } = parse(await blobs.read(target.digest));
  const found = manifests?.find((each) => each.digest === digest);
  if (found === undefined) throw missing(state, reference, platform);
  return { mediaType: found.mediaType, digest, size: found.size };
}

async function collect(blobs: BlobStore, target: Descriptor, plan: Plan): Promise<void> {
  const bytes = await blobs.read(target.digest);
  for (const child of children(parse(bytes))) {
    if (isDocument(child)) await collect(blobs, child, plan);
    else plan.blobs.set(child.digest, child);
  }
  plan.manifests.push({ descriptor: target, bytes });
}

interface Documents {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

/** What must be in the registry first. Layers that may not be distributed stay where they are. */
function children({ manifests = [], config, layers = [] }: Documents): Descriptor[] {
  const own = layers.filter(({ mediaType }) => !/nondistributable|\.foreign\./.test(mediaType));
  return [...manifests, ...config === undefined ? [] : [config], ...own];
}

function isDocument({ mediaType }: Descriptor): boolean {
  return isIndex(mediaType) || /\.manifest\.v\d\+json$/.test(mediaType);
}

function parse(bytes: Uint8Array): Documents {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Documents;
  } catch (cause) {
    throw new CtrError({
      code: "data_loss",
      operation: "push",
      reason: "a manifest is not JSON",
      cause,
    });
  }
}
