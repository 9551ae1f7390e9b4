/**
 * An image in a list: a line per tag, with the fields that Docker's templates use.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { ImageSummary } from "../src/image/mod.ts";
import { filterBy, hasLabel } from "./filters.ts";
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
  const { createdAt, id, repoDigests, repoTags, size } = image;
  const known = createdAt > 0;
  const row = (repository: string, tag: string): Row => ({
    Repository: repository,
    Tag: tag,
    Digest: repoDigests.find((name) => name.startsWith(`${repository}@`))
      ?.slice(repository.length + 1) ?? "<none>",
    ID: whole ? id : id.replace(/^sha256:/, "").slice(0, 12),
    CreatedAt: known ? humanMoment(createdAt) : "N/A",
    CreatedSince: known ? `${humanDuration(now - createdAt)} ago` : "N/A",
    Size: humanSize(size),
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

/** `REPOSITORY[:TAG]`, in which `*` and `?` stand for what they do in a shell. */
export function namesMatch(
  reference: string,
  { Repository: repository, Tag: tag }: { readonly Repository?: unknown; readonly Tag?: unknown },
): boolean {
  const source = reference.replace(/[.+^${}()|\\]/g, "\\$&").replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  try {
    const pattern = new RegExp(`^(docker\\.io/library/|docker\\.io/)?${source}$`);
    return pattern.test(String(repository)) || pattern.test(`${repository}:${tag}`);
  } catch {
    return false;
  }
}

/** A predicate from `--filter`. `all` are the images that `before` and `since` look up. */
export function imageFilter(
  given: readonly string[],
  all: readonly ImageSummary[],
): (image: ImageSummary) => boolean {
  const created = (reference: string): number => {
    const found = all.find((image) =>
      image.id === reference || image.id.startsWith(`sha256:${reference}`) ||
      imageRows(image, { whole: true, now: 0 }).some((row) =>
        `${row["Repository"]}:${row["Tag"]}` === reference ||
        `${row["Repository"]}:${row["Tag"]}` === `${reference}:latest`
      )
    );
    if (found !== undefined) return found.createdAt;
    throw new CtrError({
      code: "not_found",
      operation: "use --filter",
      subject: reference,
      reason: "no such image",
    });
  };
  return filterBy(given, {
    before: (image, value) => image.createdAt < created(value),
    dangling: (image, value) => (image.repoTags.length === 0) === (value === "true"),
    label: (image, value) => hasLabel(image.labels, value),
    reference: (image, value) =>
      imageRows(image, { whole: true, now: 0 }).some((row) => namesMatch(value, row)),
    since: (image, value) => image.createdAt > created(value),
  });
}
