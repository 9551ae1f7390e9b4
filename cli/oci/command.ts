/**
 * What a command of the OCI runtime is, and what it is given.
 *
 * @module
 */

import { type Flags, parse, type Parsed, type Spec } from "../flags.ts";

/** The surroundings of a command. */
export interface Context {
  /** Below it the containers are kept; absolute. */
  readonly root: string;
  /** Make cgroups through systemd. */
  readonly systemdCgroup: boolean;
  /** Ask a user's own systemd: `true`, `false` or `auto`. */
  readonly rootless: string;
  readonly debug: boolean;
  /** How this program was called. */
  readonly program: string;
  out(text: string): void;
  warn(message: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A command's file exports this as `command`. */
export interface Command {
  readonly spec: Spec;
  /** Returns the exit code. */
  run(context: Context, argv: readonly string[]): Promise<number>;
}

/** A command from what it takes and what it does. Flags stand before the arguments, as runc has it. */
export function define<const F extends Flags>(
  spec: Omit<Spec<F>, "passthrough">,
  work: (context: Context, parsed: Parsed<F>) => Promise<number>,
): Command {
  const whole: Spec<F> = { ...spec, passthrough: true };
  return {
    spec: whole,
    run: (context, argv) => work(context, parse(whole, twoDashes(whole, argv))),
  };
}

/** Go's way to write flags: one dash is as good as two. containerd's shim does it. */
export function twoDashes(spec: Spec, argv: readonly string[]): string[] {
  const words = [...argv];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-") || word === "-" || word === "--") break;
    const [, name = "", value] = /^--?([^=]+)(=.*)?$/s.exec(word) ?? [];
    const flag = Object.hasOwn(spec.flags, name)
      ? spec.flags[name]
      : Object.values(spec.flags).find(({ short }) => short === name);
    if (word[1] !== "-" && (Object.hasOwn(spec.flags, name) || name === "help")) {
      words[at] = `-${word}`;
    }
    if (name === "h") words[at] = "--help";
    if (flag !== undefined && flag.type !== "bool" && value === undefined) at++;
  }
  return words;
}
