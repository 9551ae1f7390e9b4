/**
 * `--all-platforms` of the commands that move images.
 *
 * @module
 */

import { UsageError } from "./flags.ts";

/** The flag. @throws {UsageError} when `--platform` is given too */
export function allPlatforms(
  command: string,
  flags: {
    readonly "all-platforms": boolean;
    readonly platform?: string | readonly string[] | undefined;
  },
): boolean {
  const { "all-platforms": all, platform = [] } = flags;
  if (!all || platform.length === 0) return all;
  const reason = "--all-platforms and --platform exclude each other";
  throw new UsageError({ command, reason });
}
