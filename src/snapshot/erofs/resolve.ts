/**
 * Finds a directory in a tree, as `openat2(RESOLVE_IN_ROOT)` would: symbolic links are followed,
 * and neither they nor `..` lead out.
 *
 * @module
 */

import type { Entry } from "./node.ts";

/** As the kernel's. */
const MAX_LINKS = 40;

/** A directory with those above it, the root first. */
export type Place = Entry[];

/**
 * The directory at `path`.
 *
 * @param make makes what is missing; without it the result is then undefined.
 * @returns undefined also where something is not a directory, or links lead in a circle.
 */
export function resolve(root: Entry, path: string, make?: () => Entry): Place | undefined {
  return walk(root, path, { make });
}

/** What a path leads to, be it a directory or not; links are followed to the end. */
export function find(root: Entry, path: string): Entry | undefined {
  return walk(root, path, { anything: true })?.at(-1);
}

function walk(
  root: Entry,
  path: string,
  { make, anything = false }: {
    readonly make?: (() => Entry) | undefined;
    readonly anything?: boolean;
  },
): Place | undefined {
  const place: Place = [root];
  const todo = path.split("/").reverse();
  let links = 0;
  while (todo.length > 0) {
    const part = todo.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (place.length > 1) place.pop();
      continue;
    }
    const { children } = place.at(-1)!.node;
    let next = children!.get(part);
    if (next === undefined) {
      if (make === undefined || part.length > 255) return undefined;
      next = make();
      children!.set(part, next);
    }
    const { node } = next;
    if (node.type === "symlink") {
      if (++links > MAX_LINKS) return undefined;
      if (node.link!.startsWith("/")) place.length = 1;
      todo.push(...node.link!.split("/").reverse());
    } else if (node.type === "directory") {
      place.push(next);
    } else if (anything && todo.length === 0) {
      return [...place, next];
    } else {
      return undefined;
    }
  }
  return place;
}
