/**
 * What a command is, and what it is given.
 *
 * @module
 */

import type { Engine } from "../src/task/mod.ts";
import { type Flags, parse, type Parsed, type Spec } from "./flags.ts";

/** The surroundings of a command: everything it may touch of the process. */
export interface Context {
  /** Opened when first asked for. */
  engine(): Engine;
  /** Write all of it, whatever stdout is. */
  out(text: string | Uint8Array): void;
  err(text: string | Uint8Array): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** When the command line began to be read, in microseconds since the epoch. */
  readonly beganUs: number;
}

/** A command's file exports this as `command`. */
export interface Command {
  readonly spec: Spec;
  /** Returns the exit code. */
  run(context: Context, argv: readonly string[]): Promise<number>;
}

/** A command from what it takes and what it does. */
export function define<const F extends Flags>(
  spec: Spec<F>,
  work: (context: Context, parsed: Parsed<F>) => Promise<number>,
): Command {
  return { spec, run: (context, argv) => work(context, parse(spec, argv)) };
}
