/**
 * What `images --filter` can ask for.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { canonicalName, type ImageSummary } from "../src/image/mod.ts";
import { filterBy, hasLabel } from "./filters.ts";
import { parseTime } from "./time.ts";

/** `REPOSITORY[:TAG]`, in which `*`, `?` and `[a-z]` stand for what they do in a shell. */
export function namesMatch(
  reference: string,
  { Repository: repository, Tag: tag }: { readonly Repository?: unknown; readonly Tag?: unknown },
): boolean {
  const source = reference.replace(/[.+^${}()|\\]/g, "\\$&").replaceAll("[\\^", "[^")
    .replaceAll("*", "[^/]*").replaceAll("?", "[^/]");
  try {
    const pattern = new RegExp(`^(docker\\.io/library/|docker\\.io/)?${source}$`);
    return pattern.test(String(repository)) || pattern.test(`${repository}:${tag}`);
  } catch {
    return false;
  }
}

/**
 * A predicate from `--filter`, without `reference`, which is about tags. `all` are the images that
 * `before` and `since` look up.
 */
export function imageFilter(
  given: readonly string[],
  all: readonly ImageSummary[],
  now = Date.now(),
): (image: ImageSummary) => boolean {
  return filterBy(given, {
    before: (image, value) => image.createdAt < named(all, value).createdAt,
    dangling: (image, value) => (image.repoTags.length === 0) === truth("dangling", value),
    label: (image, value) => hasLabel(image.labels, value),
    reference: (image, value) => image.repoTags.some((name) => namesMatch(value, parts(name))),
    since: (image, value) => image.createdAt > named(all, value).createdAt,
    until: (image, value) => image.createdAt < parseTime(value, now),
  });
}

/** The tags that `--filter reference=` leaves of those of an image. */
export function referenceFilter(
  given: readonly string[],
): (row: { readonly Repository?: unknown; readonly Tag?: unknown }) => boolean {
  const patterns = given.flatMap((text) => /^\s*reference\s*=\s*(.*?)\s*$/i.exec(text)?.[1] ?? []);
  return (row) => patterns.length === 0 || patterns.some((pattern) => namesMatch(pattern, row));
}

function parts(name: string): { Repository: string; Tag: string } {
  const colon = name.lastIndexOf(":");
  return { Repository: name.slice(0, colon), Tag: name.slice(colon + 1) };
}

/** An image by name, `NAME@DIGEST` or ID. */
function named(all: readonly ImageSummary[], reference: string): ImageSummary {
  const found =
    all.find(({ names, repoDigests }) =>
      names.includes(canonical(reference)) || repoDigests.includes(reference)
    ) ?? all.find(({ platforms }) =>
      platforms.some(({ id }) =>
        id === reference || id.startsWith(`sha256:${reference}`)
      )
    );
  if (found !== undefined) return found;
  throw new CtrError({
    code: "not_found",
    operation: "use --filter",
    subject: reference,
    reason: "no such image",
  });
}

function canonical(reference: string): string {
  try {
    return canonicalName(reference);
  } catch {
    return "";
  }
}

/** As Go reads it. */
function truth(key: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new CtrError({
    code: "invalid_argument",
    operation: "use --filter",
    subject: `${key}=${value}`,
    reason: "it is true or false",
  });
}
