/**
 * Whether this process is root in a user namespace only, where some things are not possible: devices
 * cannot be made, `trusted.*` attributes not be set, and overlayfs keeps its own in `user.overlay.*`.
 *
 * @module
 */

import { AT } from "../linux/mod.ts";
import { readLink } from "./_walk.ts";

/** The kernel's PROC_USER_INIT_INO. */
const HOST = "user:[4026531837]";

let inside: boolean | undefined;

/** True in every user namespace but the host's. */
export function inUserNamespace(): boolean {
  inside ??= readLink(AT.AT_FDCWD, "/proc/self/ns/user") !== HOST;
  return inside;
}

/** What overlayfs's own attributes begin with. */
export function overlayPrefix(): string {
  return inUserNamespace() ? "user.overlay." : "trusted.overlay.";
}
