/**
 * Command-line flags as tables: parsed as Docker parses them, and printed as its `--help`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";

/** What a flag takes. `list` may be given several times. */
export type FlagType = "bool" | "string" | "list" | "int";

/** One flag. */
export interface Flag {
  readonly type: FlagType;
  readonly short?: string;
  /** What stands for the value in `--help`. */
  readonly value?: string;
  readonly help: string;
}

/** Flags by long name. */
export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<T extends FlagType> = T extends "bool" ? boolean | undefined
  : T extends "list" ? string[]
  : T extends "int" ? number | undefined
  : string | undefined;

/** Parsed flags and the arguments that are left. */
export interface Parsed<F extends Flags> {
  readonly flags: { readonly [K in keyof F]: ValueOf<F[K]["type"]> };
  readonly args: readonly string[];
}

/** A mistake on the command line: exit code 125. */
export class UsageError extends CtrError {
  override readonly name: string = "UsageError";
}

function usage(command: string, reason: string): UsageError {
  return new UsageError({
    code: "invalid_argument",
    operation: `run "ctr ${command}"`,
    reason,
    hint: `see "ctr ${command} --help"`,
  });
}

/**
 * Parse. `-it` is two flags, `-p80` a flag with its value, `--` ends the flags.
 *
 * @param unsupported flags of Docker that are recognised only to say that they are missing
 * @param stopAtArgument the first argument ends the flags: what follows is the container's
 */
export function parseFlags<const F extends Flags>(
  command: string,
  flags: F,
  argv: readonly string[],
  options: { unsupported?: readonly string[]; stopAtArgument?: boolean } = {},
): Parsed<F> {
  const values: Record<string, unknown> = {};
  for (const name in flags) values[name] = flags[name]!.type === "list" ? [] : undefined;
  const shorts = new Map<string, string>();
  for (const name in flags) {
    const { short } = flags[name]!;
    if (short !== undefined) shorts.set(short, name);
  }
  const args: string[] = [];
  const set = (shown: string, name: string, text: string | undefined): void => {
    const { type } = flags[name]!;
    if (type === "list") (values[name] as string[]).push(text!);
    else if (type === "string") values[name] = text;
    else if (type === "int") {
      if (!/^-?\d+$/.test(text!)) throw usage(command, `${shown} takes a number, not "${text}"`);
      values[name] = Number(text);
    } else if (text === undefined || ["true", "1", "t", "TRUE"].includes(text)) values[name] = true;
    else if (["false", "0", "f", "FALSE"].includes(text)) values[name] = false;
    else throw usage(command, `${shown} takes true or false, not "${text}"`);
  };
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === "--") {
      args.push(...argv.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (options.stopAtArgument) {
        args.push(...argv.slice(at));
        break;
      }
      args.push(word);
      continue;
    }
    const next = (shown: string): string => {
      const text = argv[++at];
      if (text === undefined) throw usage(command, `${shown} needs a value`);
      return text;
    };
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = word.slice(2, equals < 0 ? undefined : equals);
      const shown = `--${name}`;
      if (!Object.hasOwn(flags, name)) {
        throw unknownFlag(command, shown, flags, options.unsupported);
      }
      const text = equals >= 0 ? word.slice(equals + 1) : undefined;
      set(shown, name, text ?? (flags[name]!.type === "bool" ? undefined : next(shown)));
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const shown = `-${word[i]}`;
      const name = shorts.get(word[i]!);
      if (name === undefined) throw unknownFlag(command, shown, flags, options.unsupported);
      if (flags[name]!.type === "bool" && word[i + 1] !== "=") {
        set(shown, name, undefined);
        continue;
      }
      const rest = word.slice(i + 1).replace(/^=/, "");
      set(shown, name, rest === "" ? next(shown) : rest);
      break;
    }
  }
  return { flags: values as Parsed<F>["flags"], args };
}

function unknownFlag(
  command: string,
  shown: string,
  flags: Flags,
  unsupported: readonly string[] = [],
): CtrError {
  if (unsupported.includes(shown)) {
    return new CtrError({
      code: "not_implemented",
      operation: `run "ctr ${command}"`,
      reason: `${shown} is not supported yet`,
    });
  }
  const near = closest(shown.replace(/^-+/, ""), Object.keys(flags));
  return usage(
    command,
    `unknown flag: ${shown}${
      near !== undefined && shown.startsWith("--") ? ` (did you mean --${near}?)` : ""
    }`,
  );
}

/** The word that a person probably meant: at most two edits away. */
export function closest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The `--help` of a command in Docker's layout. */
export function helpText(usageLine: string, summary: string, flags: Flags): string {
  const names = Object.keys(flags).sort();
  const left = names.map((name) => {
    const { short, type, value } = flags[name]!;
    const kind = type === "bool" ? "" : ` ${value ?? (type === "int" ? "int" : type)}`;
    return `${short === undefined ? "    " : `-${short}, `}--${name}${kind}`;
  });
  const width = Math.max(0, ...left.map((text) => text.length));
  const lines = names.map((name, index) =>
    `  ${left[index]!.padEnd(width)}   ${flags[name]!.help}`
  );
  return `Usage:  ctr ${usageLine}\n\n${summary}\n` +
    (lines.length === 0 ? "" : `\nOptions:\n${lines.join("\n")}\n`);
}
