/**
 * Images that are no name in a registry: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]` and
 * `docker-archive:FILE[:NAME]`, as skopeo and podman write them.
 *
 * @see https://github.com/containers/image/blob/main/docs/containers-transports.5.md
 * @module
 */

import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { blobDirectory } from "../content/mod.ts";
import { CtrError } from "../errors.ts";
import { type ArchiveImage, archiveImages, layoutImages } from "./archive_images.ts";
import { readArchive } from "./archive_members.ts";
import { readDocuments } from "./documents.ts";
import type { ImagesOptions, PullImageOptions } from "./images.ts";
import { type Brought, storing } from "./load.ts";
import { canonicalName } from "./name.ts";
import type { BlobStore, Descriptor } from "./sources.ts";
import type { Image } from "./types.ts";
import { normalizePlatform } from "./variant.ts";

/**
 * Take the image of a directory or archive into the store.
 *
 * @throws {CtrError} `not_found` for the file, or the tag in it; `invalid_argument` when it has
 * several images and none is chosen; what is wrong with it otherwise.
 */
export async function takeImage(
  options: ImagesOptions,
  reference: string,
  how: PullImageOptions = {},
): Promise<Image> {
  const [transport, path, ...rest] = reference.split(":") as [string, string, ...string[]];
  const wanted = rest.length === 0 ? undefined : rest.join(":");
  const one = (images: readonly ArchiveImage[]) => select(images, wanted, reference);
  const [taken] = await storing(options, how, async (blobs) => {
    try {
      if (transport === "oci") return await copyLayout(path, one, how.platform, blobs);
      const archive = await readArchive(createReadStream(path, { highWaterMark: 1 << 20 }), blobs);
      return { images: [one(await archiveImages(archive, blobs))], stored: archive.digests };
    } catch (error) {
      throw asOurs(reference, error);
    }
  });
  return taken!.image;
}

async function copyLayout(
  path: string,
  one: (images: readonly ArchiveImage[]) => ArchiveImage,
  platform: string | undefined,
  blobs: BlobStore,
): Promise<Brought> {
  const image = one(layoutImages(await readFile(`${path}/index.json`)));
  const layout = blobDirectory(path);
  const copied = async ({ digest }: Descriptor): Promise<Uint8Array> => {
    const bytes = await layout.read(digest);
    const written = await blobs.write(bytes);
    if (written !== digest) throw differs(digest, written);
    return bytes;
  };
  const { layers } = await readDocuments(image.target, normalizePlatform(platform), copied);
  for (const { digest } of layers) {
    if (await blobs.has(digest)) continue;
    const writer = blobs.create();
    try {
      for await (const chunk of layout.stream(digest)) writer.write(chunk);
    } catch (error) {
      writer.abort();
      throw error;
    }
    const written = writer.commit().digest;
    if (written !== digest) throw differs(digest, written);
  }
  return { images: [image], stored: [] };
}

function select(
  images: readonly ArchiveImage[],
  wanted: string | undefined,
  subject: string,
): ArchiveImage {
  const matching = wanted === undefined
    ? images
    : images.filter(({ names, refName }) =>
      refName === wanted || names.some((name) => name === canonical(wanted))
    );
  const [first, ...others] = matching;
  if (first !== undefined && others.length === 0) return first;
  const offers = images.map(({ names, refName, target }) => refName ?? names[0] ?? target.digest);
  throw new CtrError({
    code: first === undefined ? "not_found" : "invalid_argument",
    operation: "take image",
    subject,
    reason: first === undefined ? "it has no such image" : "it has several images",
    hint: `it has ${offers.join(", ") || "none"}`,
  });
}

function canonical(name: string): string | undefined {
  try {
    return canonicalName(name);
  } catch {
    return undefined; // a tag alone
  }
}

function asOurs(subject: string, error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EISDIR" && code !== "EACCES") {
    return error;
  }
  return new CtrError({
    code: code === "EACCES" ? "permission_denied" : "not_found",
    operation: "take image",
    subject,
    reason: code === "EACCES"
      ? "permission denied"
      : code === "EISDIR"
      ? "it is a directory, not an archive"
      : "no such file or directory",
    cause: error,
  });
}

function differs(subject: string, actual: string): CtrError {
  const reason = `its digest is ${actual}`;
  return new CtrError({ code: "data_loss", operation: "read blob", subject, reason });
}
