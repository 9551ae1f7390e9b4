/**
 * Layers laid over each other, of which some are mounts themselves.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { AT, MNT_DETACH } from "../linux/mod.ts";
import { ensureDirectory, rmdir, SYS } from "../program/mod.ts";
import { check, closeFd, cstring, toByteString } from "./_at.ts";
import { openMerged, type Upper } from "./_merged.ts";
import { openLower } from "./open_lower.ts";
import type { LowerMount } from "./types.ts";

/** What a lower layer is: a directory, or something to mount. */
export type Layer = string | LowerMount;

const MOVE_MOUNT_F_EMPTY_PATH = 4;

/**
 * Open the root of layers, topmost first.
 *
 * @returns a descriptor of the merged root directory, mounted nowhere.
 */
export function openLayers(layers: readonly Layer[], upper?: Upper): number {
  const mounted: number[] = [];
  try {
    const all = layers.map((layer) => {
      if (typeof layer === "string") return layer;
      mounted.push(openLower(layer));
      return mounted.at(-1)!;
    });
    try {
      return openMerged(all, upper);
    } catch (error) {
      if (mounted.length === 0) throw error; // else the other way tells what is wrong
    }
  } finally {
    for (const fd of mounted) closeFd(fd);
  }
  return openAttached(layers, upper);
}

/**
 * The same before Linux 6.15, where overlayfs wants its layers in a mount namespace: for this moment they
 * are beside what they are made of.
 */
export function openAttached(layers: readonly Layer[], upper?: Upper): number {
  const places: string[] = [];
  try {
    const all = layers.map((layer, index) => {
      if (typeof layer === "string") return layer;
      const place = `${layer.source}.${process.pid}.${index}.mount`;
      ensureDirectory(place, 0o700);
      places.push(place);
      const fd = openLower(layer);
      try {
        const [from, to] = [cstring(""), cstring(toByteString(place))];
        const moved = sys(SYS.move_mount, fd, from, AT.AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH);
        check("mount", "move_mount", toByteString(place), moved);
      } finally {
        closeFd(fd);
      }
      return place;
    });
    return openMerged(all, upper);
  } finally {
    for (const place of places) {
      sys(SYS.umount2, cstring(toByteString(place)), MNT_DETACH);
      rmdir(place);
    }
  }
}
