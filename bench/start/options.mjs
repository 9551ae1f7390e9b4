/**
 * What every bench with contestants is asked: `--rounds=N --only=PART,PART --json=FILE`.
 *
 * @module
 */

import { join } from "node:path";

/**
 * Read the command line, and put the runtimes and the peers on PATH. Ends the process without root.
 *
 * @param {string} bench its name, in messages and for the default file
 */
export function readOptions(bench, root, { rounds = "40" } = {}) {
  process.env.PATH = `${root}/node_modules/.bin:${process.env.PATH}:/usr/sbin:/sbin`;
  const option = (name, otherwise) =>
    process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
  if (process.getuid() !== 0) {
    console.error(`bench/${bench} needs root: every peer here runs as root`);
    process.exit(1);
  }
  const json = option("json", `bench/out/${bench}.json`);
  return {
    option,
    rounds: Number(option("rounds", rounds)),
    only: option("only", "").split(",").filter((part) => part !== ""),
    json: json === "" ? undefined : join(root, json),
  };
}
