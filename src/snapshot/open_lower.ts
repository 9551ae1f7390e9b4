/**
 * Opens a layer that is a mount itself.
 *
 * @module
 */

import { openErofs } from "./erofs/mount.ts";
import type { Mount } from "./types.ts";

/**
 * Open the root of a layer that a mount names in `lowers`, or of a view, mounted nowhere.
 *
 * @returns a descriptor; closing it ends the mount.
 */
export function openLower({ source, options }: Pick<Mount, "source" | "options">): number {
  const devices = options.filter((option) => option.startsWith("device="));
  return openErofs(source, devices.map((option) => option.slice("device=".length)));
}
