/**
 * The images of an archive whose members are in the store: by `index.json` of an OCI layout, else by
 * Docker's `manifest.json`.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { ArchiveMembers, Member } from "./archive_members.ts";
import { canonicalName } from "./name.ts";
import type { BlobStore, Descriptor } from "./sources.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const DIGEST = /^sha256:[0-9a-f]{64}$|^sha512:[0-9a-f]{128}$/;

/** An image of an archive or layout. */
export interface ArchiveImage {
  readonly target: Descriptor;
  /** Canonical. */
  readonly names: readonly string[];
  /** As the layout's `ref.name` has it, which may be a tag alone. */
  readonly refName?: string | undefined;
}

/** @throws {CtrError} `data_loss` when documents are malformed; `not_found` when members are missing. */
export async function archiveImages(
  archive: ArchiveMembers,
  blobs: BlobStore,
): Promise<readonly ArchiveImage[]> {
  const layout = archive.document("oci-layout");
  const index = archive.document("index.json");
  if (layout !== undefined && index !== undefined) return layoutImages(index);
  const manifest = archive.document("manifest.json");
  if (manifest !== undefined) return await dockerImages(archive, manifest, blobs);
  throw malformed("it has neither index.json nor manifest.json: it is no image archive");
}

interface Listed {
  readonly target: Descriptor;
  readonly names: string[];
  refName?: string;
}

/** The images that `index.json` lists. */
export function layoutImages(bytes: Uint8Array): ArchiveImage[] {
  const { manifests } = parse("index.json", bytes) as { manifests?: unknown };
  if (!Array.isArray(manifests)) throw malformed("index.json has no manifests");
  const images = new Map<string, Listed>();
  for (const entry of manifests as Partial<Descriptor>[]) {
    const { mediaType, digest, size, annotations } = entry ?? {};
    const isSize = typeof size === "number" && Number.isSafeInteger(size) && size >= 0;
    if (typeof digest !== "string" || !DIGEST.test(digest) || !isSize) {
      throw malformed("index.json has a malformed descriptor");
    }
    const target = {
      mediaType: typeof mediaType === "string" ? mediaType : MANIFEST,
      digest,
      size,
    };
    const refName = annotations?.["org.opencontainers.image.ref.name"];
    const name = annotations?.["io.containerd.image.name"] ??
      (typeof refName === "string" && /[:/]/.test(refName) ? refName : undefined);
    const image: Listed = images.get(digest) ?? { target, names: [] };
    if (typeof refName === "string") image.refName = refName;
    if (typeof name === "string") image.names.push(tagged(name));
    images.set(digest, image);
  }
  return [...images.values()];
}

async function dockerImages(
  archive: ArchiveMembers,
  bytes: Uint8Array,
  blobs: BlobStore,
): Promise<ArchiveImage[]> {
  const entries = parse("manifest.json", bytes);
  if (!Array.isArray(entries)) throw malformed("manifest.json is not a list");
  const images: ArchiveImage[] = [];
  for (const { Config, RepoTags, Layers } of entries.map((entry) => Object(entry))) {
    const config = find(archive, Config);
    if (!Array.isArray(Layers)) throw malformed("manifest.json has an image without layers");
    const layers: Descriptor[] = [];
    for (const path of Layers) {
      const layer = find(archive, path);
      layers.push({ mediaType: LAYER + await compressionOf(blobs, layer.digest), ...layer });
    }
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: CONFIG, ...config },
      layers,
    });
    const document = new TextEncoder().encode(manifest);
    const digest = await blobs.write(document);
    const target = { mediaType: MANIFEST, digest, size: document.length };
    const names = Array.isArray(RepoTags) ? RepoTags.map((tag) => tagged(String(tag))) : [];
    images.push({ target, names });
  }
  return images;
}

function find(archive: ArchiveMembers, path: unknown): Member {
  if (typeof path !== "string") throw malformed("manifest.json names no file");
  const member = archive.member(path);
  if (member !== undefined) return member;
  throw new CtrError({
    code: "not_found",
    operation: "read image archive",
    subject: path.slice(0, 200),
    reason: "manifest.json names it, and the archive does not have it",
  });
}

async function compressionOf(blobs: BlobStore, digest: string): Promise<string> {
  for await (const head of blobs.stream(digest)) {
    if (head[0] === 0x1f && head[1] === 0x8b) return "+gzip";
    if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f) return "+zstd";
    break;
  }
  return "";
}

function tagged(name: string): string {
  const canonical = canonicalName(name);
  if (canonical.includes("@")) throw malformed(`${JSON.stringify(name)} is not a tag`);
  return canonical;
}

function parse(name: string, bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw malformed(`${name} is not JSON`, cause);
  }
  throw malformed(`${name} is not a JSON object`);
}

function malformed(reason: string, cause?: unknown): CtrError {
  return new CtrError({ code: "data_loss", operation: "read image archive", reason, cause });
}
