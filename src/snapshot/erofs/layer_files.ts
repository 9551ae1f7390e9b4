/**
 * What the directory of a committed snapshot holds: `members`, the list of what is in the layer, a
 * line of JSON each, and `data`, the files that cannot be read from the layer's tar, each at a
 * multiple of 512 bytes. The tar itself is a blob of the content store; until the layer is
 * committed it is here, as `tar`.
 *
 * @module
 */

import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { CtrError } from "../../errors.ts";
import type { TarMember } from "./scan.ts";

const VERSION = 2;
/** The first line is shorter. */
const HEAD = 256;

/** What is said of a layer as a whole. */
export interface LayerHead {
  /** Bytes of its tar; 0 for a layer without one. */
  readonly tar: number;
  /** Bytes of `data`; 0 where there is none. */
  readonly data: number;
  /** `MODE:UID:GID` of the root directory, if the layer lists it. */
  readonly root?: string;
}

/** A layer as it is stored. */
export interface StoredLayer extends LayerHead {
  readonly members: readonly TarMember[];
}

/** The file that a layer's tar is while it is not committed. */
export function tarFile(directory: string): string {
  return `${directory}/tar`;
}

/** Store the list of members. Names are byte strings, and so are the values of attributes. */
export function writeMembers(directory: string, { members, ...head }: StoredLayer): void {
  const lines = [JSON.stringify({ version: VERSION, ...head })];
  for (const { entry, offset, aside } of members) {
    const { xattrs, ...plain } = entry;
    const values = [...xattrs ?? []].map(([name, value]) => [
      name,
      Buffer.from(value).toString("latin1"),
    ]);
    lines.push(JSON.stringify({
      ...plain,
      offset,
      ...aside && { aside },
      ...values.length > 0 && { values },
    }));
  }
  writeFileSync(`${directory}/members`, lines.join("\n") + "\n", { mode: 0o600 });
}

/** Read the first line. @throws {CtrError} `data_loss` when it is not whole. */
export function readHead(directory: string): LayerHead {
  const fd = openSync(`${directory}/members`, "r");
  try {
    const bytes = Buffer.alloc(HEAD);
    const text = bytes.toString("latin1", 0, readSync(fd, bytes, 0, HEAD, 0));
    return parseHead(directory, text.slice(0, text.indexOf("\n")));
  } finally {
    closeSync(fd);
  }
}

/**
 * Read it again.
 *
 * @throws {CtrError} `data_loss` when it is not whole.
 */
export function readMembers(directory: string): StoredLayer {
  const text = readFileSync(`${directory}/members`, "utf8");
  const [first, ...lines] = text.split("\n");
  if (lines.pop() !== "") throw broken(directory);
  const members = lines.map((line): TarMember => {
    const { offset, aside, values, ...plain } = JSON.parse(line);
    const xattrs = (values as [string, string][] | undefined)?.map(([name, value]) =>
      [name, new Uint8Array(Buffer.from(value, "latin1"))] as const
    );
    return {
      offset,
      ...aside === true && { aside },
      entry: { ...plain, xattrs: xattrs && new Map(xattrs) },
    };
  });
  return { members, ...parseHead(directory, first!) };
}

function parseHead(directory: string, line: string): LayerHead {
  try {
    const { version, ...head } = JSON.parse(line) as LayerHead & { version: number };
    if (version === VERSION) return head;
  } catch {
    // Said below.
  }
  throw broken(directory);
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
