/**
 * Command-line flags as tables, parsed as Docker parses them. The same tables make `--help` and the
 * command reference.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import type { ErrorCode } from "../src/errors.ts";

/** What a flag takes. `list` may be given several times; `bytes` is a size such as `512m`. */
export type FlagType = "bool" | "string" | "list" | "int" | "bytes" | "decimal";

/** One flag. */
export interface Flag {
  readonly type: FlagType;
  readonly short?: string;
  /** What stands for the value in `--help`; default: the type. */
  readonly value?: string;
  /** Absent: `run_help.ts` says it. */
  readonly help?: string;
  /** The value when the flag is not given. */
  readonly default?: boolean | string | number;
  /** Not one of Docker's. */
  readonly ours?: true;
  /** Another spelling, left out of `--help`. */
  readonly hidden?: true;
}

/** Flags by long name. */
export type Flags = Readonly<Record<string, Flag>>;

/** What a command takes. */
export interface Spec<F extends Flags = Flags> {
  /** After `ctr `: `ps`. Empty for ctr itself. */
  readonly name: string;
  /** After the name: `[OPTIONS] CONTAINER [CONTAINER...]`. */
  readonly usage: string;
  readonly summary: string;
  readonly flags: F;
  /** Docker's flags that are recognised only to say that they are missing: `publish` or `publish,p`. */
  readonly missing?: readonly string[];
  /** The least and the largest number of arguments. */
  readonly args: readonly [least: number, most: number];
  /** The first argument ends the flags: what follows belongs to somebody else. */
  readonly passthrough?: true;
}

type ValueOf<F extends Flag> = F["type"] extends "bool" ? boolean
  : F["type"] extends "list" ? readonly string[]
  :
    | (F["type"] extends "string" ? string : number)
    | (F extends { readonly default: string | number } ? never : undefined);

/** Parsed flags and the arguments that are left. */
export interface Parsed<F extends Flags> {
  readonly flags: { readonly [K in keyof F]: ValueOf<F[K]> };
  readonly args: readonly string[];
}

/** What {@link UsageError} is made of. */
export interface UsageFields {
  /** Of the command, as in {@link Spec}. */
  readonly command: string;
  readonly reason: string;
  readonly code?: ErrorCode;
  /** Default 125: a mistake in the flags. */
  readonly exitCode?: number;
  /** A word that is not known, and those that are. */
  readonly unknown?: { readonly word: string; readonly known: readonly string[] };
}

/** A mistake on the command line, or a flag that is not there yet. */
export class UsageError extends CtrError {
  override readonly name: string = "UsageError";
  readonly command: string;
  readonly exitCode: number;
  readonly unknown: UsageFields["unknown"];

  constructor(
    { command, reason, code = "invalid_argument", exitCode = 125, unknown }: UsageFields,
  ) {
    super({ code, operation: "run", subject: `ctr ${command}`.trim(), reason });
    this.command = command;
    this.exitCode = exitCode;
    this.unknown = unknown;
  }
}

/** Thrown for `--help`. */
export class HelpWanted {
  readonly spec: Spec;
  constructor(spec: Spec) {
    this.spec = spec;
  }
}

/**
 * Parse. `-it` is two flags, `-p80` a flag with its value, `--` ends the flags.
 *
 * @throws {UsageError} for an unknown or missing flag, a bad value, or a wrong number of arguments
 * @throws {HelpWanted}
 */
export function parse<F extends Flags>(spec: Spec<F>, argv: readonly string[]): Parsed<F> {
  const flags: Flags = spec.flags;
  const values: Record<string, unknown> = {};
  for (const name in flags) {
    const { type, default: value } = flags[name]!;
    values[name] = type === "list" ? [] : type === "bool" ? value ?? false : value;
  }
  const args: string[] = [];
  const set = (name: string, text: string): void => {
    const value = convert(flags[name]!.type, text);
    if (value === undefined) throw badValue(spec, name, text);
    if (flags[name]!.type === "list") (values[name] as string[]).push(text);
    else values[name] = value;
  };
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const next = (shown: string): string => {
      if (at + 1 < argv.length) return argv[++at]!;
      throw new UsageError({ command: spec.name, reason: `flag needs an argument: ${shown}` });
    };
    if (word === "--") {
      args.push(...argv.slice(at + 1));
      break;
    } else if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      if (!Object.hasOwn(flags, name)) throw noFlag(spec, `--${name}`, name);
      if (equals >= 0) set(name, word.slice(equals + 1));
      else set(name, flags[name]!.type === "bool" ? "true" : next(`--${name}`));
    } else if (word.length > 1 && word.startsWith("-")) {
      for (let i = 1; i < word.length; i++) {
        const name = byShort(flags, word[i]!);
        if (name === undefined) throw noFlag(spec, `-${word[i]}`, word[i]!);
        if (flags[name]!.type === "bool" && word[i + 1] !== "=") {
          set(name, "true");
          continue;
        }
        const rest = word.slice(word[i + 1] === "=" ? i + 2 : i + 1);
        set(name, word.length === i + 1 ? next(`-${word[i]}`) : rest);
        break;
      }
    } else if (spec.passthrough) {
      args.push(...argv.slice(at));
      break;
    } else args.push(word);
  }
  checkCount(spec, args.length);
  return { flags: values as Parsed<F>["flags"], args };
}

function byShort(flags: Flags, letter: string): string | undefined {
  for (const name in flags) if (flags[name]!.short === letter) return name;
  return undefined;
}

/** Undefined when the text is no such value. */
function convert(type: FlagType, text: string): unknown {
  switch (type) {
    case "bool":
      return /^(1|t|T|TRUE|true|True)$/.test(text)
        ? true
        : /^(0|f|F|FALSE|false|False)$/.test(text)
        ? false
        : undefined;
    case "int":
      return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
    case "decimal":
      return /^\d+(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : undefined;
    case "bytes":
      return parseBytes(text);
    default:
      return text;
  }
}

/** `512m` → bytes, or undefined. Units are powers of 1024. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (match === null) return undefined;
  const power = match[2] === "" ? 0 : "kmgtp".indexOf(match[2]!.toLowerCase()) + 1;
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  return bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined;
}

const EXPECTED: Readonly<Record<FlagType, string>> = {
  bool: "it is true or false",
  int: "it is a whole number",
  decimal: "it is a number such as 1.5",
  bytes: "it is a size such as 512m or 2g",
  string: "",
  list: "",
};

function badValue(spec: Spec, name: string, text: string): UsageError {
  const { short, type } = spec.flags[name]!;
  const shown = short === undefined ? `--${name}` : `-${short}, --${name}`;
  const reason = `invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${EXPECTED[type]}`;
  return new UsageError({ command: spec.name, reason });
}

/** `--help`, a flag of Docker's that is missing here, or one that nobody knows. */
function noFlag(spec: Spec, shown: string, name: string): UsageError | HelpWanted {
  if (name === "help") return new HelpWanted(spec);
  for (const entry of spec.missing ?? []) {
    const [long, short] = entry.split(",");
    if (name !== long && name !== short) continue;
    const reason = `--${long} is not supported yet`;
    return new UsageError({ command: spec.name, code: "not_implemented", reason });
  }
  const known = name.length > 1
    ? Object.keys(spec.flags).filter((flag) => !spec.flags[flag]!.hidden).map((flag) => `--${flag}`)
    : [];
  return new UsageError({
    command: spec.name,
    reason: name.length > 1 ? `unknown flag: ${shown}` : `unknown shorthand flag: ${shown}`,
    unknown: { word: shown, known },
  });
}

function checkCount({ name, args: [least, most] }: Spec, count: number): void {
  if (count >= least && count <= most) return;
  const many = (number: number) => `${number} argument${number === 1 ? "" : "s"}`;
  const reason = most === 0
    ? "it accepts no arguments"
    : least === most
    ? `it requires ${many(least)}`
    : count < least
    ? `it requires at least ${many(least)}`
    : `it requires at most ${many(most)}`;
  throw new UsageError({ command: name, reason, exitCode: 1 });
}
