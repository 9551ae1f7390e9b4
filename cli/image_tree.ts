/**
 * `images --tree`: each name, and below it the platforms that its image is here for.
 *
 * @module
 */

import type { ImageSummary } from "../src/image/mod.ts";
import { humanSize, table } from "./humanize.ts";
import { imageRows, shortId } from "./image_rows.ts";

/** How to make a tree. */
export interface TreeOptions {
  /** Whether a tag is shown. */
  readonly wanted: (row: { readonly Repository?: unknown; readonly Tag?: unknown }) => boolean;
  /** IDs of images that containers were made of. */
  readonly used: ReadonlySet<string>;
}

const HEADER = ["IMAGE", "ID", "DISK USAGE", "CONTENT SIZE", "EXTRA"];

/** The text, with Docker's columns; `U` is in use. */
export function imageTree(
  images: readonly ImageSummary[],
  { wanted, used }: TreeOptions,
): string {
  const rows: string[][] = [];
  for (const image of images) {
    const { platforms, target } = image;
    const names = imageRows(image, { whole: true, now: 0 }).filter(wanted)
      .map(({ Repository, Tag }) => Tag === "<none>" ? `${Repository}` : `${Repository}:${Tag}`);
    const branches = platforms.map(({ platform, id, size, contentSize }, at) => [
      `${at === platforms.length - 1 ? "└─" : "├─"} ${platform}`,
      shortId(id),
      humanSize(size),
      humanSize(contentSize),
      used.has(id) ? "U" : "",
    ]);
    const inUse = platforms.some(({ id }) => used.has(id)) ? "U" : "";
    for (const name of names) {
      rows.push([
        name,
        shortId(target),
        humanSize(image.size),
        humanSize(image.contentSize),
        inUse,
      ], ...branches);
    }
  }
  return table(HEADER, rows);
}
