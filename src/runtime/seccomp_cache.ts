/**
 * Keeps compiled seccomp filters in a directory: callers such as dockerd come with the same few profiles
 * again and again, each time in a process that has just begun, where compiling one costs 5 ms and more.
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { ensureDirectory, readFile, rename, SYS, unlink, writeFile } from "../program/mod.ts";

/** What compiles: filters of another compiler are not used. A test tells what this has to be. */
export const COMPILER = "f98e6fa2441cd566";
/** So many files at most. */
const SLOTS = 64;
const decoder = new TextDecoder();

/** A filter of the directory, or a new one that is kept there. */
export async function cachedFilter(
  { directory, key, text, compile }: {
    /** Made if it is missing; nobody else may write there. */
    readonly directory: string;
    /** A number for the profile. */
    readonly key: number;
    /** All that the filter depends on: a filter is another's if this differs in the least. */
    readonly text: string;
    readonly compile: () => Promise<Uint8Array>;
  },
): Promise<Uint8Array> {
  const path = `${directory}/${key % SLOTS}`;
  const found = kept(path, text);
  if (found !== undefined) return found;
  const filter = await compile();
  keep(path, directory, { text, filter });
  return filter;
}

/** Length of the text, the text, the filter. */
function kept(path: string, text: string): Uint8Array | undefined {
  let file: Uint8Array;
  try {
    file = readFile(path);
  } catch {
    return undefined;
  }
  if (file.length < 4) return undefined;
  const end = 4 + new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const size = file.length - end;
  if (size <= 0 || size % 8 !== 0) return undefined;
  return decoder.decode(file.subarray(4, end)) === text ? file.slice(end) : undefined;
}

/** Readers see all of it or nothing. That it cannot be kept does no harm. */
function keep(
  path: string,
  directory: string,
  { text, filter }: { readonly text: string; readonly filter: Uint8Array },
): void {
  const bytes = new TextEncoder().encode(text);
  const file = new Uint8Array(4 + bytes.length + filter.length);
  new DataView(file.buffer).setUint32(0, bytes.length, true);
  file.set(bytes, 4);
  file.set(filter, 4 + bytes.length);
  const own = `${path}.${sys(SYS.getpid)}`;
  try {
    ensureDirectory(directory, 0o700);
    writeFile(own, file);
    rename(own, path);
  } catch {
    try {
      unlink(own);
    } catch {
      // A file system that takes nothing.
    }
  }
}
