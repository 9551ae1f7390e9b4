/**
 * What the `prune` commands have in common.
 *
 * @module
 */

import { readSync } from "node:fs";
import type { Context } from "./command.ts";
import { filterBy, hasLabel } from "./filters.ts";
import type { Flags } from "./flags.ts";
import { parseTime } from "./time.ts";

/** The flags that all of them know. */
export const PRUNE_FLAGS = {
  "filter": {
    type: "list",
    value: "filter",
    help: 'Only what matches (e.g. "label=<key>=<value>", "label!=<key>", "until=24h")',
  },
  "force": { type: "bool", short: "f", help: "Do not prompt for confirmation" },
} as const satisfies Flags;

/** What filters ask of a thing. */
export interface Prunable {
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A predicate from `--filter`. */
export function pruneFilter(
  given: readonly string[],
  now: number = Date.now(),
): (thing: Prunable) => boolean {
  return filterBy(given, {
    label: ({ labels }, value) => hasLabel(labels, value),
    "label!": ({ labels }, value) => !hasLabel(labels, value),
    until: ({ createdAt }, value) => createdAt < parseTime(value, now),
  });
}

/** Ask whether to go on; anything but `y` is no. */
export function confirm(context: Pick<Context, "out">, warning: string): boolean {
  context.out(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  const bytes: number[] = [];
  const byte = new Uint8Array(1);
  while (readSync(0, byte) === 1 && byte[0] !== 10) bytes.push(byte[0]!);
  return /^y$/i.test(new TextDecoder().decode(Uint8Array.from(bytes)).trim());
}

/** A list under a heading, as Docker prints it; nothing for no items. */
export function deletedList(heading: string, items: readonly string[]): string {
  return items.length === 0 ? "" : `${heading}:\n${items.map((item) => `${item}\n`).join("")}\n`;
}
