/**
 * The snapshotter where nobody says which: `erofs` where the kernel can, else `overlayfs`. An
 * ordinary user cannot mount EROFS, not even in a user namespace.
 *
 * The kernel is asked once. The answer is kept with what does not survive a boot, since the next
 * kernel may be another one: `EXEC/snapshotter` is the name.
 *
 * @module
 */

import { ensureDirectory, readTextIfExists, writeFile } from "../program/mod.ts";
import type { State } from "../state/mod.ts";
import { canUseErofs } from "./erofs/probe.ts";
import { erofsSnapshotter } from "./erofs/snapshotter.ts";
import { overlaySnapshotter } from "./overlay.ts";
import type { Snapshotter } from "./types.ts";

/** Open it. The first time after a boot it costs about a millisecond, else next to nothing. */
export function openUsual(state: State): Snapshotter {
  const { data, exec } = state.dirs;
  const memory = `${exec}/snapshotter`;
  const known = readTextIfExists(memory);
  if (known === "erofs\n") return erofsSnapshotter(state);
  if (known === "overlayfs\n") return overlaySnapshotter(state);
  const erofs = canUseErofs(data);
  ensureDirectory(exec, 0o700);
  writeFile(memory, erofs ? "erofs\n" : "overlayfs\n");
  return erofs ? erofsSnapshotter(state) : overlaySnapshotter(state);
}
