/**
 * Variables and labels, from flags and from files.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { readText } from "../src/program/mod.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables of a container: files first, then flags. A name without value takes its value from
 * our own environment, and is left out when it has none there.
 *
 * @throws {CtrError} `invalid_argument` for an entry without name; of reading a file
 */
export function environmentOf(
  flags: { readonly env: readonly string[]; readonly "env-file": readonly string[] },
  env: Environment,
): string[] {
  const all: string[] = [];
  for (const entry of fromFiles(flags["env-file"], flags.env)) {
    if (entry === "" || entry.startsWith("=")) throw bad("--env", entry, "it has no name");
    if (entry.includes("=")) all.push(entry);
    else if (env[entry] !== undefined) all.push(`${entry}=${env[entry]}`);
  }
  return all;
}

/** The lines of files, then those of flags. */
function fromFiles(files: readonly string[], flags: readonly string[]): readonly string[] {
  if (files.length === 0) return flags;
  return [...files.flatMap((path) => variables(readText(path), path)), ...flags];
}

/** Labels of flags and files. A key without value has an empty one; flags win. */
export function labelsOf(
  flags: { readonly label: readonly string[]; readonly "label-file": readonly string[] },
): Record<string, string> {
  return parsePairs(fromFiles(flags["label-file"], flags.label));
}

/**
 * The lines of a file of variables, as Docker reads it: comments and empty lines are skipped, values
 * are not quoted, and nothing is trimmed but what stands before a name.
 */
export function variables(text: string, path: string): string[] {
  return text.replace(/^\uFEFF/, "").split(/\r?\n/).map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name] = line.split("=", 1) as [string];
      if (name === "") throw bad("file", path, `a line has no name: ${JSON.stringify(line)}`);
      if (!/\s/.test(name)) return line;
      throw bad("file", path, `the name ${JSON.stringify(name)} contains white space`);
    });
}

/** `KEY=VALUE` lists as an object; a key without value has an empty one. */
export function parsePairs(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(list.map((entry) => {
    const equals = entry.indexOf("=");
    return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
  }));
}

function bad(what: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: `use ${what}`, subject, reason });
}
