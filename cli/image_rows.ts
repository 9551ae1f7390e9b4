/**
 * An image in a list: a line per tag, with the fields that Docker's templates use.
 *
 * @module
 */

import type { ImageSummary } from "../src/image/mod.ts";
import type { Columns, Row } from "./format.ts";
import { humanDuration, humanMoment, humanSize } from "./humanize.ts";

/** The columns of `images --digests`. */
export const IMAGE_COLUMNS: Columns = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  Digest: "DIGEST",
  ID: "IMAGE ID",
  CreatedSince: "CREATED",
  Size: "SIZE",
};

/** A line per tag, or one for an image that has none. */
export function imageRows(
  image: ImageSummary,
  { whole, now }: { readonly whole: boolean; readonly now: number },
): Row[] {
  const { createdAt, id, platforms, repoDigests, repoTags, size } = image;
  const known = createdAt > 0;
  const common = {
    ID: whole ? id : shortId(id),
    CreatedSince: known ? `${humanDuration(now - createdAt)} ago` : "N/A",
    Size: humanSize(size),
  };
  // What few ask for is made when it is: a list of 1000 tags has no time to waste.
  const row = (repository: string, tag: string): Row => ({
    Repository: repository,
    Tag: tag,
    get Digest() {
      return repoDigests.find((name) => name.startsWith(`${repository}@`))
        ?.slice(repository.length + 1) ?? "<none>";
    },
    ...common,
    get Name() {
      return tag === "<none>" ? repository : `${repository}:${tag}`;
    },
    get CreatedAt() {
      return known ? humanMoment(createdAt) : "N/A";
    },
    get VirtualSize() {
      return humanSize(size, 4);
    },
    get Platform() {
      return platforms.map(({ platform }) => platform).join(",");
    },
    Containers: "N/A",
    SharedSize: "N/A",
    UniqueSize: "N/A",
  });
  if (repoTags.length === 0) return [row(repoDigests[0]?.split("@")[0] ?? "<none>", "<none>")];
  return repoTags.map((name) => {
    const colon = name.lastIndexOf(":");
    return row(name.slice(0, colon), name.slice(colon + 1));
  });
}

/** The 12 digits of an ID. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}
