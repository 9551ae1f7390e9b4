/**
 * The manifests of an image that stays in its registry.
 *
 * @module
 */

import { isIndexType, parseImageConfig, parseManifest, type Platform } from "../oci/mod.ts";
import type { RegistryAccess } from "../pull/mod.ts";
import { canonicalName, splitName, withoutDocker } from "./name.ts";
import type { Descriptor } from "./sources.ts";

/** A manifest as it was served. */
export interface RemoteManifest {
  /** Canonical; in an index with the digest too. */
  readonly ref: string;
  readonly descriptor: Descriptor & { readonly platform?: Platform | undefined };
  readonly bytes: Uint8Array;
}

/** What a name in a registry points to. */
export interface RemoteManifests {
  /** The index, or the only manifest. */
  readonly target: Omit<RemoteManifest, "ref">;
  /** Of the platforms; of an index only when all were asked for. */
  readonly manifests: readonly RemoteManifest[];
}

/**
 * Ask a registry what a name points to. Nothing is stored.
 *
 * @param how.all fetch what an index lists too, and what a manifest is made for
 * @throws {CtrError} `not_found`, and others of the registry client
 */
export async function remoteManifests(
  reference: string,
  how: RegistryAccess & { readonly all?: boolean } = {},
): Promise<RemoteManifests> {
  const { Registry } = await import("../pull/mod.ts");
  const name = canonicalName(withoutDocker(reference));
  const { repository, tag, digest } = splitName(name);
  const registry = new Registry({ ...how, repository, operation: "inspect" });
  const target = await registry.manifest(digest ?? tag ?? "latest");
  const { mediaType } = target.descriptor;
  const all = how.all === true;
  if (isIndexType(mediaType) || (!mediaType.includes("manifest.v") && isIndex(target.bytes))) {
    if (!all) return { target, manifests: [] };
    const index = parseManifest(target.bytes, target.descriptor);
    const manifests: RemoteManifest[] = [];
    for (const descriptor of index.kind === "index" ? index.manifests : []) {
      const { bytes } = await registry.manifest(descriptor.digest);
      manifests.push({ ref: `${name}@${descriptor.digest}`, descriptor, bytes });
    }
    return { target, manifests };
  }
  const platform = all ? await platformOf(target, (config) => registry.blob(config)) : undefined;
  const descriptor = { ...target.descriptor, ...platform === undefined ? {} : { platform } };
  return { target, manifests: [{ ref: name, descriptor, bytes: target.bytes }] };
}

function isIndex(bytes: Uint8Array): boolean {
  return parseManifest(bytes, { digest: "", mediaType: "" }).kind === "index";
}

const MAX_CONFIG = 8 << 20;

/** What the configuration says; an artifact's says nothing. */
async function platformOf(
  { bytes, descriptor }: Omit<RemoteManifest, "ref">,
  fetch: (config: Descriptor) => AsyncIterable<Uint8Array>,
): Promise<Platform | undefined> {
  const { config } = JSON.parse(new TextDecoder().decode(bytes)) as { config?: Descriptor };
  if (!/\.image(\.config)?\.v1\+json$/.test(config?.mediaType ?? "")) return undefined;
  const manifest = parseManifest(bytes, descriptor);
  if (manifest.kind === "index" || manifest.config.size > MAX_CONFIG) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of fetch(manifest.config)) chunks.push(chunk);
  const whole = parseImageConfig(Buffer.concat(chunks), manifest.config.digest);
  const { architecture, os, variant } = whole;
  return { architecture, os, ...variant === undefined ? {} : { variant } };
}
