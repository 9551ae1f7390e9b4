/**
 * What an image needs of the content store.
 *
 * @module
 */

import type { BlobStore } from "./sources.ts";

/**
 * Follow every descriptor of an index or manifest, whether its blob is here or not. What cannot be
 * read leads nowhere: collecting must not depend on what is broken.
 */
export async function mark(
  blobs: BlobStore,
  digest: string,
  needed: Set<string>,
): Promise<void> {
  if (needed.has(digest)) return;
  needed.add(digest);
  for (const { kind, digest: child } of await childrenOf(blobs, digest)) {
    if (kind === "document") await mark(blobs, child, needed);
    else needed.add(child);
  }
}

/** A descriptor in a document: of another document, or of content. */
export interface Child {
  readonly kind: "document" | "content";
  readonly digest: string;
  readonly size: number | undefined;
}

/** What a stored index or manifest refers to; nothing where it is not here, or is neither. */
export async function childrenOf(blobs: BlobStore, digest: string): Promise<readonly Child[]> {
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(new TextDecoder().decode(await blobs.read(digest)));
  } catch {
    return [];
  }
  const of = (kind: Child["kind"], list: unknown): Child[] =>
    (Array.isArray(list) ? list : []).flatMap((entry) =>
      typeof entry?.digest === "string"
        ? [{
          kind,
          digest: entry.digest,
          size: typeof entry.size === "number" ? entry.size : undefined,
        }]
        : []
    );
  return [
    ...of("document", document?.["manifests"]),
    ...of("content", [document?.["config"]]),
    ...of("content", document?.["layers"]),
  ];
}
