/**
 * The lines of a class of service: `L3:0=7f0;1=1f`, `MB:0=20;1=70`.
 *
 * @module
 */

import type { OciIntelRdt } from "../oci/mod.ts";

/** What a spec says, in the order in which it is written. */
export function schemaLines(
  { l3CacheSchema = "", memBwSchema = "", schemata = [] }: OciIntelRdt,
): string[] {
  // With a line for the bandwidth beside it, one in the cache's schema does not count.
  const cache = lines(l3CacheSchema).filter((line) =>
    memBwSchema === "" || !line.startsWith("MB:")
  );
  return [...cache, ...lines(memBwSchema), ...schemata.flatMap(lines)];
}

/**
 * Whether the text of a `schemata` file says what is wanted. The kernel writes numbers its own way, and
 * tells of every cache, where what is wanted may be about some.
 */
export function agreesWith(present: string, wanted: string): boolean {
  const known = new Map(lines(present).map(parse));
  return lines(wanted).map(parse).every(([resource, values]) => {
    const there = known.get(resource);
    return there !== undefined && [...values].every(([id, value]) => there.get(id) === value);
  });
}

function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** A resource, and its value by the id of each cache: masks are hexadecimal, bandwidths are not. */
function parse(line: string): readonly [string, ReadonlyMap<number, bigint | string>] {
  const [resource = "", rest = ""] = line.split(":", 2).map((part) => part.trim());
  const values = rest.split(";").filter((part) => part.trim() !== "").map((part) => {
    const [id = "", value = ""] = part.split("=", 2).map((word) => word.trim());
    const number = /^L\d/.test(resource) ? `0x${value.replace(/^0x/, "")}` : value;
    return [Number(id), /^(0x[0-9a-f]+|\d+)$/i.test(number) ? BigInt(number) : value] as const;
  });
  return [resource, new Map(values)];
}
