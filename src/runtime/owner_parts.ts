/**
 * Parts of this room for those who start programs that make containers, and wait for them.
 *
 * @module
 */

export { childEnded } from "./command/children.ts";
export { commandError } from "./command/failure.ts";
export { privateRootfsSteps } from "./command/rootfs.ts";
export { mountRootfs } from "./rootfs_mount.ts";
