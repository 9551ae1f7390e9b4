/**
 * The files of the repository, without what is installed or ignored.
 *
 * @module
 */

import { readdirSync } from "node:fs";

const SKIP = new Set(["node_modules", ".git", "out", "dist"]);

/**
 * @param {string} root
 * @returns {string[]} paths below the root, sorted
 */
export function sourceFiles(root, below = "") {
  return readdirSync(`${root}/${below}`, { withFileTypes: true })
    .filter((entry) => !SKIP.has(entry.name))
    .flatMap((entry) =>
      entry.isDirectory()
        ? sourceFiles(root, `${below}${entry.name}/`)
        : entry.isFile()
        ? [`${below}${entry.name}`]
        : []
    )
    .sort();
}
