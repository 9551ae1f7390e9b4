/**
 * Manifests into a repository, and what they refer to made findable where the registry has no
 * referrers API.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject
 * @module
 */

import { createHash } from "node:crypto";
import { isNotFound } from "../errors.ts";
import { INDEX_TYPE, parseReferrers, referrersTag } from "./discover.ts";
import { pushScopes } from "./push.ts";
import type { Registry } from "./registry.ts";
import type { Transport } from "./transport.ts";
import type { Descriptor, Document } from "./types.ts";

/** Store a manifest under a tag or digest. */
export async function pushManifest(
  registry: Registry,
  transport: Transport,
  path: string,
  reference: string,
  { bytes, descriptor }: Document,
): Promise<void> {
  const applied = await transport.again(async () => {
    const response = await transport.send(transport.url(`${path}/manifests/${reference}`), {
      method: "PUT",
      headers: { "Content-Type": descriptor.mediaType },
      body: () => bytes,
      scopes: pushScopes(path),
    });
    await transport.discard(response);
    const stored = response.headers.get("docker-content-digest");
    if (stored !== null && stored.split(":")[0] === descriptor.digest.split(":")[0]) {
      if (stored !== descriptor.digest) {
        throw transport.damaged(descriptor.digest, `the registry stored it as ${stored}`);
      }
    }
    return response.headers.get("oci-subject") !== null;
  });
  if (applied) return;
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as {
    subject?: Descriptor;
    artifactType?: string;
    annotations?: Record<string, string>;
    config?: Descriptor;
  };
  if (manifest.subject === undefined) return;
  const { mediaType, digest, size } = descriptor;
  const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
  const { annotations } = manifest;
  const entry: Descriptor = {
    mediaType,
    digest,
    size,
    ...artifactType === undefined ? {} : { artifactType },
    ...annotations === undefined ? {} : { annotations },
  };
  await addReferrer(registry, manifest.subject.digest, entry);
}

/** The tag schema: an index under a tag that is made of the subject's digest. */
async function addReferrer(
  registry: Registry,
  subject: string,
  entry: Descriptor,
): Promise<void> {
  const tag = referrersTag(subject);
  const before = await listed(registry, tag);
  if (before?.some(({ digest }) => digest === entry.digest)) return;
  await pushIndex(registry, tag, [...before ?? [], entry]);
}

/** What a manifest refers to; undefined when that is nothing, or there is no such manifest. */
export async function subjectOf(registry: Registry, digest: string): Promise<string | undefined> {
  try {
    const { bytes } = await registry.manifest(digest);
    const { subject } = JSON.parse(new TextDecoder().decode(bytes)) as { subject?: Descriptor };
    return typeof subject?.digest === "string" ? subject.digest : undefined;
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Take a deleted manifest from the index of its subject, which a registry with the API does itself. */
export async function removeReferrer(
  registry: Registry,
  transport: Transport,
  path: string,
  subject: string,
  digest: string,
): Promise<void> {
  const hasApi = await transport.again(async () => {
    const url = transport.url(`${path}/referrers/${subject}`);
    const response = await transport.send(url, { accept: [404] });
    await transport.discard(response);
    return response.ok;
  });
  if (hasApi) return;
  const tag = referrersTag(subject);
  const before = await listed(registry, tag);
  const after = before?.filter((each) => each.digest !== digest);
  if (after !== undefined && after.length !== before!.length) await pushIndex(registry, tag, after);
}

async function listed(registry: Registry, tag: string): Promise<Descriptor[] | undefined> {
  return await registry.manifest(tag).then(parseReferrers, (error) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

async function pushIndex(
  registry: Registry,
  tag: string,
  manifests: readonly Descriptor[],
): Promise<void> {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests });
  const bytes = new TextEncoder().encode(text);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const descriptor = { mediaType: INDEX_TYPE, digest, size: bytes.length };
  await registry.pushManifest(tag, { descriptor, bytes });
}
