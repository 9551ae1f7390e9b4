/**
 * From what a name points to, through the index, to the manifest and configuration of a platform.
 * Documents come from a registry or from the store, and are hostile.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md
 * @module
 */

import { CtrError } from "../errors.ts";
import type { Descriptor } from "./sources.ts";
import type { ImageConfig } from "./types.ts";
import { normalizePlatform } from "./variant.ts";

/** The documents of an image on one platform, validated. */
export interface ImageDocuments {
  readonly manifest: Descriptor;
  readonly config: ImageConfig;
  /** The configuration as it is stored. */
  readonly configText: string;
  readonly configDescriptor: Descriptor;
  /** Bottom first; as many as `config.rootfs.diff_ids`. */
  readonly layers: readonly Descriptor[];
}

interface IndexEntry extends Descriptor {
  readonly platform?: {
    readonly os?: string;
    readonly architecture?: string;
    readonly variant?: string;
  };
}

const DIGEST = /^sha256:[0-9a-f]{64}$|^sha512:[0-9a-f]{128}$/;
const MAX_LAYERS = 500;
const MAX_DEPTH = 4;

/** Whether a media type is that of an index (or Docker's manifest list). */
export function isIndex(mediaType: string): boolean {
  return mediaType === "application/vnd.oci.image.index.v1+json" ||
    mediaType === "application/vnd.docker.distribution.manifest.list.v2+json";
}

/**
 * Read the documents of one platform.
 *
 * @param read gives the bytes of a document.
 * @throws {CtrError} `not_found` when the image is not for this platform; `data_loss` when a document
 * is malformed; `not_implemented` for a kind of image that is not a container's.
 */
export async function readDocuments(
  target: Descriptor,
  platform: string,
  read: (descriptor: Descriptor) => Promise<Uint8Array>,
): Promise<ImageDocuments> {
  let manifest = target;
  let document = parse(await read(target), target.digest);
  checkKind(document, target);
  for (let depth = 0; Array.isArray(document["manifests"]); depth++) {
    if (depth === MAX_DEPTH) throw malformed(manifest.digest, "indexes are nested too deeply");
    manifest = choose(document["manifests"] as IndexEntry[], platform, manifest.digest);
    document = parse(await read(manifest), manifest.digest);
    checkKind(document, manifest);
  }
  const configDescriptor = descriptor(document["config"], manifest.digest);
  if (!Array.isArray(document["layers"])) {
    throw new CtrError({
      code: "not_implemented",
      operation: "read manifest",
      subject: manifest.digest,
      reason: `it has no layers (${String(document["mediaType"] ?? manifest.mediaType)})`,
    });
  }
  const layers = document["layers"].map((layer) => descriptor(layer, manifest.digest));
  if (layers.length > MAX_LAYERS) {
    throw malformed(manifest.digest, `it has ${layers.length} layers`);
  }
  const bytes = await read(configDescriptor);
  const configText = new TextDecoder().decode(bytes);
  const config = parse(bytes, configDescriptor.digest) as unknown as ImageConfig;
  const diffIds: unknown = config.rootfs === undefined ? undefined : config.rootfs.diff_ids ?? [];
  if (!Array.isArray(diffIds) || diffIds.some((id) => !DIGEST.test(String(id)))) {
    throw new CtrError({
      code: "not_implemented",
      operation: "read image configuration",
      subject: configDescriptor.digest,
      reason: `it is not a container image (${configDescriptor.mediaType})`,
    });
  }
  if (diffIds.length !== layers.length) {
    throw malformed(
      configDescriptor.digest,
      `it lists ${diffIds.length} layers and the manifest ${layers.length}`,
    );
  }
  return { manifest, config, configText, configDescriptor, layers };
}

/** The platform that a configuration says it is for. */
export function platformOf(config: ImageConfig): string {
  const variant = config.variant ? `/${config.variant}` : "";
  return normalizePlatform(`${config.os || "linux"}/${config.architecture}${variant}`);
}

/**
 * One document must not be read as an index by us and as a manifest by who signed or scanned it:
 * CVE-2021-41190.
 */
function checkKind(document: Record<string, unknown>, { digest, mediaType }: Descriptor): void {
  const isBoth = "manifests" in document && ("layers" in document || "config" in document);
  if (isBoth) throw malformed(digest, "it claims to be both an index and a manifest");
  const stated = document["mediaType"];
  if (typeof stated === "string" && mediaType !== "" && stated !== mediaType) {
    throw malformed(digest, `it is fetched as ${mediaType} and says it is ${stated}`);
  }
  const kind = typeof stated === "string" ? stated : mediaType;
  if (kind !== "" && isIndex(kind) !== Array.isArray(document["manifests"])) {
    throw malformed(digest, `its content is not that of ${kind}`);
  }
}

function choose(entries: readonly IndexEntry[], platform: string, index: string): Descriptor {
  const offers = entries.flatMap((entry) => {
    if (typeof entry?.platform?.architecture !== "string") return [];
    const { os = "linux", architecture, variant } = entry.platform;
    if (os === "unknown") return []; // attestations
    return [{
      entry,
      platform: normalizePlatform([os, architecture, variant].filter(Boolean).join("/")),
    }];
  });
  for (const candidate of acceptable(platform)) {
    const found = offers.find((offer) => offer.platform === candidate);
    if (found !== undefined) return descriptor(found.entry, index);
  }
  // An index may hold one image and not say for what.
  const [only, ...others] = entries;
  if (only !== undefined && others.length === 0 && only.platform === undefined) {
    return descriptor(only, index);
  }
  throw new CtrError({
    code: "not_found",
    operation: "choose platform",
    subject: platform,
    reason: "the image is not made for it",
    hint: `it is for ${[...new Set(offers.map((offer) => offer.platform))].join(", ") || "none"}`,
  });
}

/** What runs on a platform, best first: arm v7 also runs v6 and v5. */
function acceptable(platform: string): string[] {
  const arm = /^(.*\/arm)\/v([5-8])$/.exec(platform);
  if (arm !== null) {
    const [, base, version] = arm as unknown as [string, string, string];
    return Array.from({ length: Number(version) - 4 }, (_, i) => `${base}/v${Number(version) - i}`);
  }
  const base = platform.split("/").slice(0, 2).join("/");
  return base === platform ? [platform] : [platform, base];
}

function descriptor(value: unknown, where: string): Descriptor {
  const { mediaType, digest, size, annotations, urls } = (value ?? {}) as Partial<Descriptor>;
  if (typeof digest !== "string" || !DIGEST.test(digest)) {
    throw malformed(where, "a digest is wrong");
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw malformed(where, "a size is wrong");
  }
  if (typeof mediaType !== "string") throw malformed(where, "a media type is missing");
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(Array.isArray(urls) ? { urls: urls.map(String) } : {}),
  };
}

function parse(bytes: Uint8Array, digest: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (cause) {
    throw malformed(digest, "it is not JSON", cause);
  }
  throw malformed(digest, "it is not a JSON object");
}

function malformed(subject: string, reason: string, cause?: unknown): CtrError {
  return new CtrError({ code: "data_loss", operation: "read image", subject, reason, cause });
}
