/**
 * Which streams a foreground container is connected to.
 *
 * @module
 */

import { UsageError } from "./flags.ts";

/** The streams that are connected. */
export interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Without `--attach`, stdout and stderr, and stdin if it is open; nothing in the background. */
export function attachedStreams(
  flags: {
    readonly attach: readonly string[];
    readonly detach: boolean;
    readonly interactive: boolean;
  },
): Streams {
  const wanted = flags.attach.map((name) => name.toLowerCase());
  const reason = wanted.some((name) => !["stdin", "stdout", "stderr"].includes(name))
    ? '--attach takes "stdin", "stdout" or "stderr"'
    : wanted.length > 0 && flags.detach
    ? "--attach and --detach contradict each other"
    : undefined;
  if (reason !== undefined) throw new UsageError({ command: "run", reason });
  if (flags.detach) return { stdin: false, stdout: false, stderr: false };
  const all = wanted.length === 0;
  return {
    stdin: flags.interactive && (all || wanted.includes("stdin")),
    stdout: all || wanted.includes("stdout"),
    stderr: all || wanted.includes("stderr"),
  };
}
