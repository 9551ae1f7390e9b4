/**
 * Sparse files in tar archives: which parts of a file the archive has, in the four forms that there
 * are. GNU's own (type `S`) has the map in the header and in blocks behind it; PAX 0.0 repeats two
 * records, 0.1 has one list, and 1.0 has the map before the data.
 *
 * @see https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
 * @module
 */

import { latin1, malformed, noNul, parseDecimal, readNumber } from "./_tar_fields.ts";

/** A part of a file that is not a hole. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** What a header says of a sparse file. */
export interface SparseHeader {
  /** Bytes of the file, holes included. */
  readonly size: number;
  /** Its name, where the header has a made-up one. */
  readonly path?: string;
  readonly segments: Segment[];
  /** Takes the blocks behind the header that belong to the map, one by one; true after the last. */
  readonly more?: (block: Uint8Array) => boolean;
}

/** Bounds the memory that a map takes: a megabyte of it, as in Go. */
const MAX_SEGMENTS = 1 << 16;
const MAX_MAP_BLOCKS = 2048;

/** The records of PAX 0.0 come more than once; they are gathered under these keys. */
export const REPEATED: ReadonlySet<string> = new Set([
  "GNU.sparse.offset",
  "GNU.sparse.numbytes",
]);

/** The map in a header of type `S`. */
export function gnuSparse(header: Uint8Array): SparseHeader {
  const segments: Segment[] = [];
  const size = readNumber(header, 483, 12, "sparse size");
  readSegments(header, 386, 4, segments);
  if (header[482] === 0) return { size, segments };
  const more = (block: Uint8Array): boolean => {
    readSegments(block, 0, 21, segments);
    return block[504] === 0;
  };
  return { size, segments, more };
}

function readSegments(block: Uint8Array, at: number, count: number, to: Segment[]): void {
  for (let i = 0; i < count; i++, at += 24) {
    if (block[at] === 0) return; // the rest is not used
    const offset = readNumber(block, at, 12, "sparse offset");
    const length = readNumber(block, at + 12, 12, "sparse length");
    add(to, offset, length);
  }
}

/** What PAX records say, or undefined for a file that is not sparse. */
export function paxSparse(pax: ReadonlyMap<string, Uint8Array>): SparseHeader | undefined {
  const text = (key: string): string | undefined => {
    const value = pax.get(`GNU.sparse.${key}`);
    return value && noNul(latin1(value), key);
  };
  const number = (key: string): number | undefined => {
    const value = text(key);
    return value === undefined ? undefined : parseDecimal(value, `GNU.sparse.${key}`);
  };
  const name = text("name");
  const path = name === undefined ? {} : { path: name };
  const [major, minor] = [text("major"), text("minor")];
  if (major !== undefined || minor !== undefined) {
    if (major !== "1" || minor !== "0") throw malformed(`a sparse file of form ${major}.${minor}`);
    const segments: Segment[] = [];
    return { size: required(number("realsize")), ...path, segments, more: mapReader(segments) };
  }
  const size = number("size");
  if (size === undefined) {
    for (const key of pax.keys()) if (key.startsWith("GNU.sparse.")) required(undefined);
    return undefined;
  }
  const map = text("map");
  const numbers = map === undefined
    ? zip(text("offset"), text("numbytes"))
    : map === ""
    ? []
    : map.split(",");
  if (numbers.length % 2 !== 0) throw malformed("a sparse map that ends in the middle");
  const segments: Segment[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    const [offset, length] = [numbers[i]!, numbers[i + 1]!];
    add(segments, parseDecimal(offset, "sparse offset"), parseDecimal(length, "sparse length"));
  }
  return { size, ...path, segments };
}

/** `1,5` and `2,6` to `1`, `2`, `5`, `6`. */
function zip(offsets = "", lengths = ""): string[] {
  if (offsets === "" && lengths === "") return [];
  const [first, second] = [offsets.split(","), lengths.split(",")];
  if (first.length !== second.length) throw malformed("a sparse map that ends in the middle");
  return first.flatMap((offset, index) => [offset, second[index]!]);
}

/** PAX 1.0: decimal numbers in lines, first how many segments there are; whole blocks. */
function mapReader(segments: Segment[]): (block: Uint8Array) => boolean {
  let line = "";
  let count = -1;
  let offset = -1;
  let blocks = 0;
  return (block) => {
    if (++blocks > MAX_MAP_BLOCKS) throw malformed("a sparse map that is too large");
    for (let i = 0; i < block.length; i++) {
      if (block[i] !== 0x0a) {
        line += String.fromCharCode(block[i]!);
        if (line.length > 20) throw malformed("a sparse map without numbers");
        continue;
      }
      const value = parseDecimal(line, "sparse map");
      line = "";
      if (count < 0) count = value;
      else if (offset < 0) offset = value;
      else {
        add(segments, offset, value);
        offset = -1;
      }
      if (segments.length === count) return true; // the rest of the block is padding
    }
    return false;
  };
}

function add(segments: Segment[], offset: number, length: number): void {
  if (segments.length === MAX_SEGMENTS) throw malformed("a sparse map that is too large");
  segments.push({ offset, length });
}

/**
 * Check a map once it is whole: in order, inside the file, and as long as what the archive has.
 *
 * @param stored Bytes of data that follow.
 */
export function checkSegments({ segments, size }: SparseHeader, stored: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > size) throw malformed("a sparse map out of order");
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) throw malformed(`a sparse map of ${sum} bytes for ${stored}`);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw malformed("a sparse file without a size");
  return value;
}
