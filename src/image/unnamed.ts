/**
 * Records of images that nobody gave a name: they are found by ID.
 *
 * @module
 */

const NONE = "<none>@";

/** The name of the record of an image without one. */
export function unnamed(digest: string): string {
  return `${NONE}${digest}`;
}

/** Whether a record's name is none. */
export function isUnnamed(name: string): boolean {
  return name.startsWith(NONE);
}
