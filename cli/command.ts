/**
 * What a command is, and what it is given.
 *
 * @module
 */

import type { Engine } from "../src/task/mod.ts";

/** The surroundings of a command: everything it may touch of the process. */
export interface Context {
  /** Opened when first asked for. */
  engine(): Engine;
  /** Write all of it, whatever stdout is. */
  out(text: string | Uint8Array): void;
  err(text: string | Uint8Array): void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A command's file exports this as `command`. */
export interface Command {
  /** After `ctr `: `ps [OPTIONS]`. */
  readonly usage: string;
  readonly summary: string;
  readonly flags: import("./flags.ts").Flags;
  /** Returns the exit code. */
  run(context: Context, argv: readonly string[]): Promise<number>;
}
