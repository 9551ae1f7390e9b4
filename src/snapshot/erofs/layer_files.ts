/**
 * What the directory of a committed snapshot holds: `data`, a layer's tar or at least its files, each
 * at a multiple of 512 bytes, and `members`, the list of what is in it, a line of JSON each.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import { CtrError } from "../../errors.ts";
import type { ScannedLayer, TarMember } from "./scan.ts";

const VERSION = 1;

/** The file that members point into. */
export function dataFile(directory: string): string {
  return `${directory}/data`;
}

/** Store the list of members. Names are byte strings, and so are the values of attributes. */
export function writeMembers(directory: string, { members, size }: ScannedLayer): void {
  const lines = [JSON.stringify({ version: VERSION, size })];
  for (const { entry, offset } of members) {
    const { xattrs, ...plain } = entry;
    const values = [...xattrs ?? []].map(([name, value]) => [
      name,
      Buffer.from(value).toString("latin1"),
    ]);
    lines.push(JSON.stringify({ ...plain, offset, ...(values.length === 0 ? {} : { values }) }));
  }
  writeFileSync(`${directory}/members`, lines.join("\n") + "\n", { mode: 0o600 });
}

/**
 * Read it again.
 *
 * @throws {CtrError} `data_loss` when it is not whole.
 */
export function readMembers(directory: string): ScannedLayer {
  const text = readFileSync(`${directory}/members`, "utf8");
  const [head, ...lines] = text.split("\n");
  if (lines.pop() !== "") throw broken(directory);
  const { version, size } = JSON.parse(head!) as { version: number; size: number };
  if (version !== VERSION) throw broken(directory);
  const members = lines.map((line): TarMember => {
    const { offset, values, ...plain } = JSON.parse(line);
    const xattrs = (values as [string, string][] | undefined)?.map(([name, value]) =>
      [name, new Uint8Array(Buffer.from(value, "latin1"))] as const
    );
    return { offset, entry: { ...plain, xattrs: xattrs && new Map(xattrs) } };
  });
  return { members, size };
}

function broken(directory: string): CtrError {
  return new CtrError({
    code: "data_loss",
    operation: "read layer",
    subject: `${directory}/members`,
    reason: "the list of its members is not whole",
    hint: "remove the image and pull it again",
  });
}
