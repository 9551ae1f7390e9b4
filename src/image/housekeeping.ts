/**
 * What is done to a store as a whole.
 *
 * @module
 */

export { type Checked, checkImages, type CheckOptions, type Finding } from "./check.ts";
export { checkSnapshots } from "./check_snapshots.ts";
export { type ImagesUsage, imagesUsage, type ImageUsage } from "./disk_usage.ts";
export { type PrunedImages, pruneImages, type PruneImagesOptions } from "./prune.ts";
