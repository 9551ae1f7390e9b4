/**
 * `docker tag`: another name for an image.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { sourcesOf } from "./default_sources.ts";
import { isHost } from "./host.ts";
import type { ImagesOptions } from "./images.ts";
import { writeLayoutIndex } from "./layout_index.ts";
import { canonicalName } from "./name.ts";
import { point } from "./pull.ts";
import { findRecord, missing, resolveStored } from "./resolve.ts";

/**
 * Let `target` point to what `source`, a name or ID, points to, on all its platforms.
 *
 * @returns the canonical name.
 * @throws {CtrError} `not_found`; `invalid_argument` when the target has a digest or is `host`.
 */
export async function tagImage(
  options: ImagesOptions,
  source: string,
  target: string,
): Promise<string> {
  const { state, snapshotter } = options;
  const name = tagName(target);
  if (isHost(source)) throw refused(source, "the built-in image has one name only");
  state.transaction(() => {
    const record = findRecord(state, source) ?? byId();
    if (record === undefined) throw missing(state, source, undefined);
    point(state, name, record.target);
  });
  await writeLayoutIndex(state, await sourcesOf(options));
  return name;

  function byId() {
    const found = resolveStored(state, source, undefined, snapshotter.name);
    return found && state.images.named(found.image.target)[0];
  }
}

/** The canonical name of a tag that may be made. */
export function tagName(target: string): string {
  if (isHost(target)) throw refused(target, "it is the name of the built-in image");
  const name = canonicalName(target);
  if (name.includes("@")) throw refused(target, "a tag has no digest");
  return name;
}

function refused(subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: "tag image", subject, reason });
}
