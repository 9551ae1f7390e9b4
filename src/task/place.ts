/**
 * Where a container's files are.
 *
 * @module
 */

import type { Directories } from "../state/mod.ts";

/** Directory of the bundle, the log and `state.json`. */
export function dataDir(directories: Directories, id: string): string {
  return `${directories.data}/containers/${id}`;
}

/** Directory of the shim's socket. */
export function execDir(directories: Directories, id: string): string {
  return `${directories.exec}/${id}`;
}

/** Is there while a container is paused for something that ends; see `paused_for.ts`. */
export function pauseMark(directories: Directories, id: string): string {
  return `${dataDir(directories, id)}/paused`;
}

/** Docker's log file. */
export function logPath(directories: Directories, id: string): string {
  return `${dataDir(directories, id)}/${id}-json.log`;
}
