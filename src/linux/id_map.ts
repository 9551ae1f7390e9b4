/**
 * The text of `/proc/PID/uid_map` and `gid_map`.
 *
 * @see https://man7.org/linux/man-pages/man7/user_namespaces.7.html
 * @module
 */

/** Whether it maps every id to itself: then its user namespace is the host's. */
export function mapsAllIds(text: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(text);
}
