/**
 * Opens a layer that is a mount itself.
 *
 * @module
 */

import type { Mount } from "./types.ts";

/**
 * Open the root of a layer that a mount names in `lowers`, or of a view, mounted nowhere.
 *
 * @returns a descriptor; closing it ends the mount.
 */
export async function openLower(
  { source, options }: Pick<Mount, "source" | "options">,
): Promise<number> {
  const { openErofs } = await import("./erofs/mount.ts");
  const devices = options.filter((option) => option.startsWith("device="));
  return openErofs(source, devices.map((option) => option.slice("device=".length)));
}
