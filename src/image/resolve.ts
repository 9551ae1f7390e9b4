/**
 * From what a person types to an image of the store: a few indexed queries, no file is read.
 *
 * @module
 */

import { CtrError } from "../errors.ts";

import type { FoundImage, ImageRecord, ImageVariant, State } from "../state/mod.ts";
import { HOST, isHost, storedHost } from "./host.ts";
import { canonicalName, isFullId, splitName } from "./name.ts";
import {
  ARTIFACT,
  normalizePlatform,
  type StoredImage,
  THIS_PLATFORM,
  toImage,
} from "./variant.ts";

/**
 * An image of the store, or undefined: by name, else by ID or its prefix, as Docker does.
 *
 * @throws {CtrError} `invalid_argument` for what is neither, or when several IDs have the prefix.
 */
export function resolveStored(
  state: State,
  reference: string,
  platformText: string | undefined,
  snapshotter: string,
): StoredImage | undefined {
  const platform = normalizePlatform(platformText);
  if (isHost(reference)) return storedHost(state, platform, snapshotter);
  if (!isFullId(reference)) {
    const found = state.images.find(canonicalName(reference), platform, snapshotter) ??
      findByDigest(state, reference, platform, snapshotter);
    if (found !== undefined) {
      const { record, variant, unpacked } = found;
      return variant && { image: toImage(record.name, variant), unpacked };
    }
  }
  const hex = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(reference)?.[1];
  if (hex === undefined) return undefined;
  const variants = state.images.variantsById(`sha256:${hex}`)
    .filter((variant) => platformText === undefined || variant.platform === platform);
  return byId(state, reference, variants, snapshotter);
}

/** `NAME@DIGEST` also means a tag of the same repository that points to the digest. */
function findByDigest(
  state: State,
  reference: string,
  platform: string,
  snapshotter: string,
): FoundImage | undefined {
  const record = reference.includes("@") ? findRecord(state, reference) : undefined;
  return record && state.images.find(record.name, platform, snapshotter);
}

/** The record of a name as typed; `NAME@DIGEST` also matches a tag that points to the digest. */
export function findRecord(state: State, reference: string): ImageRecord | undefined {
  if (isHost(reference)) return state.images.get(HOST);
  if (isFullId(reference)) return undefined;
  const name = canonicalName(reference);
  const record = state.images.get(name);
  if (record !== undefined) return record;
  const { repository, digest } = splitName(name);
  if (digest === undefined) return undefined;
  return state.images.named(digest)
    .find((candidate) => splitName(candidate.name).repository === repository);
}

function byId(
  state: State,
  reference: string,
  variants: readonly ImageVariant[],
  snapshotter: string,
): StoredImage | undefined {
  const ids = new Set(variants.map(({ id }) => id));
  if (ids.size > 1) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "find image",
      subject: reference,
      reason: "multiple IDs found with provided prefix",
    });
  }
  const variant = variants.find(({ platform }) => platform === THIS_PLATFORM) ?? variants[0];
  if (variant === undefined) return undefined;
  const [record] = state.images.named(variant.target);
  const unpacked = variant.chainId === "" ||
    state.snapshots(snapshotter).get(variant.chainId)?.kind === "committed";
  return { image: toImage(record?.name ?? variant.id, variant), unpacked };
}

/** The error for an image that is not in the store. */
export function missing(state: State, reference: string, platform: string | undefined): CtrError {
  const record = findRecord(state, reference);
  const [only] = record === undefined ? [] : state.images.variants(record.target.digest);
  return new CtrError({
    code: "not_found",
    operation: "find image",
    subject: reference,
    reason: record === undefined
      ? "no such image"
      : only?.platform === ARTIFACT
      ? "it is an artifact, not a container image"
      : `the image is here, but not for ${normalizePlatform(platform)}`,
    hint: "pull it first",
  });
}
