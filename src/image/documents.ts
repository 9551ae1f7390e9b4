/**
 * From what a name points to, through the index, to the manifest and configuration of a platform.
 * Documents come from a registry or from the store, and are hostile.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md
 * @module
 */

import { CtrError } from "../errors.ts";
import { type ImageIndex, isIndexType, parseImageConfig, parseManifest } from "../oci/mod.ts";
import type { Descriptor } from "./sources.ts";
import type { ImageConfig } from "./types.ts";
import { normalizePlatform } from "./variant.ts";

export { isIndexType as isIndex };

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

type Entry = ImageIndex["manifests"][number];

const MAX_DEPTH = 4;

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
  let at = target;
  let document = parseManifest(await read(at), at);
  for (let depth = 0; document.kind === "index"; depth++) {
    if (depth === MAX_DEPTH) throw malformed(at.digest, "indexes are nested too deeply");
    at = choose(document.manifests, platform);
    document = parseManifest(await read(at), at);
  }
  const { layers } = document;
  const configDescriptor = document.config;
  const bytes = await read(configDescriptor);
  const config = parseImageConfig(bytes, configDescriptor.digest) as ImageConfig;
  const { length } = config.rootfs.diff_ids;
  if (length !== layers.length) {
    throw malformed(
      configDescriptor.digest,
      `it lists ${length} layers and the manifest ${layers.length}`,
    );
  }
  return {
    manifest: at,
    config,
    configText: new TextDecoder().decode(bytes),
    configDescriptor,
    layers,
  };
}

/** The platform that a configuration says it is for. */
export function platformOf(config: ImageConfig): string {
  const variant = config.variant ? `/${config.variant}` : "";
  return normalizePlatform(`${config.os || "linux"}/${config.architecture}${variant}`);
}

function choose(entries: readonly Entry[], platform: string): Entry {
  const offers = entries.flatMap((entry) => {
    if (entry.platform === undefined) return [];
    const { os, architecture, variant } = entry.platform;
    if (os === "unknown") return []; // attestations
    return [{
      entry,
      platform: normalizePlatform([os, architecture, variant].filter(Boolean).join("/")),
    }];
  });
  for (const candidate of acceptable(platform)) {
    const found = offers.find((offer) => offer.platform === candidate);
    if (found !== undefined) return found.entry;
  }
  // An index may hold one image and not say for what.
  const [only, ...others] = entries;
  if (only !== undefined && others.length === 0 && only.platform === undefined) return only;
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

function malformed(subject: string, reason: string): CtrError {
  return new CtrError({ code: "data_loss", operation: "read image", subject, reason });
}
