/**
 * Indexes and manifests: from bytes that a registry sent to checked values.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 * @module
 */

import { CtrError } from "../errors.ts";
import {
  type Descriptor,
  isObject,
  isRecord,
  malformed,
  quote,
  readDescriptor,
} from "./descriptor.ts";
import { isIndexType, isManifestType, isSchema1Type } from "./media_types.ts";

/** Manifests by platform. */
export interface ImageIndex {
  readonly kind: "index";
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image on one platform. */
export interface ImageManifest {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** As many as overlayfs stacks. */
const MAX_LAYERS = 500;
const MAX_MANIFESTS = 10_000;

/**
 * Read an index or manifest.
 *
 * @param descriptor what pointed to it; its media type may be empty when that is not known
 * @throws {CtrError} `data_loss` when it is malformed or could be read as both (CVE-2021-41190);
 * `not_implemented` when it is no container image: schema 1, an artifact, an attestation.
 */
export function parseManifest(
  bytes: Uint8Array,
  { digest, mediaType }: Pick<Descriptor, "digest" | "mediaType">,
): ImageIndex | ImageManifest {
  const document = parseJsonObject(bytes, digest);
  const kind = kindOf(document, digest, mediaType);
  const annotations = isRecord(document.annotations) ? { annotations: document.annotations } : {};
  if (isIndexType(kind)) {
    const entries = list(document.manifests, "manifests", MAX_MANIFESTS, digest);
    const manifests = entries.map((entry) => readDescriptor(entry, digest));
    return { kind: "index", mediaType: kind, manifests, ...annotations };
  }
  const config = readDescriptor(document.config, digest);
  const layers = list(document.layers, "layers", MAX_LAYERS, digest)
    .map((layer) => readDescriptor(layer, digest));
  return { kind: "manifest", mediaType: kind, config, layers, ...annotations };
}

/**
 * One document must not be an index to us and a manifest to who signed or scanned it, so what it is
 * fetched as, what it says it is, and what it has must agree.
 */
function kindOf(
  document: Readonly<Record<string, unknown>>,
  digest: string,
  fetchedAs: string,
): string {
  const stated = document.mediaType;
  if (stated !== undefined && typeof stated !== "string") {
    throw malformed(digest, `its mediaType is ${quote(stated)}`);
  }
  if (document.schemaVersion === 1 || isSchema1Type(stated ?? fetchedAs)) {
    throw unsupported(digest, "it is a manifest of schema 1", "push it again with a newer tool");
  }
  const isBoth = "manifests" in document && ("layers" in document || "config" in document);
  if (isBoth || "fsLayers" in document) {
    throw malformed(digest, "it claims to be both an index and a manifest");
  }
  if (stated !== undefined && isKnown(fetchedAs) && stated !== fetchedAs) {
    throw malformed(digest, `it is fetched as ${fetchedAs} and says it is ${quote(stated)}`);
  }
  const kind = stated ?? (isKnown(fetchedAs) ? fetchedAs : guess(document));
  if (!isKnown(kind)) throw unsupported(digest, `it is ${quote(kind)}, not a container image`);
  if (isIndexType(kind) ? !("manifests" in document) : "manifests" in document) {
    throw malformed(digest, `its content is not that of ${kind}`);
  }
  if (!isIndexType(kind) && !("layers" in document)) {
    throw unsupported(digest, `it has no layers (${kind})`);
  }
  return kind;
}

function isKnown(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

/** OCI documents need not say what they are. */
function guess(document: Readonly<Record<string, unknown>>): string {
  return "manifests" in document
    ? "application/vnd.oci.image.index.v1+json"
    : "application/vnd.oci.image.manifest.v1+json";
}

function list(value: unknown, name: string, most: number, digest: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(digest, `its ${name} are ${quote(value)}`);
  if (value.length > most) {
    throw malformed(digest, `it has ${value.length} ${name}, at most ${most} are possible`);
  }
  return value;
}

/**
 * Parse JSON that somebody else wrote.
 *
 * @throws {CtrError} `data_loss` when it is not UTF-8, not JSON or not an object.
 */
export function parseJsonObject(
  bytes: Uint8Array,
  digest: string,
): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed(digest, "it is not JSON", cause);
  }
  if (!isObject(value)) throw malformed(digest, "it is not a JSON object");
  return value;
}

function unsupported(subject: string, reason: string, hint?: string): CtrError {
  return new CtrError({
    code: "not_implemented",
    operation: "read image",
    subject,
    reason,
    ...hint === undefined ? {} : { hint },
  });
}
