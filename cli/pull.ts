/**
 * `ctr pull`.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { type Flags, parseFlags, UsageError } from "./flags.ts";
import { pullProgress } from "./progress.ts";

const FLAGS = {
  "platform": { type: "string", help: "Set platform if image is multi-platform" },
  "quiet": { type: "bool", short: "q", help: "Suppress verbose output" },
} as const satisfies Flags;

export const command: Command = {
  usage: "pull [OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("pull", FLAGS, argv, {
      unsupported: ["--all-tags", "-a", "--disable-content-trust"],
    });
    if (args.length !== 1) {
      throw new UsageError({
        code: "invalid_argument",
        operation: 'run "ctr pull"',
        reason: "it requires exactly 1 argument",
        hint: 'see "ctr pull --help"',
      });
    }
    const [name] = args as [string];
    const { stdout } = process;
    const show = flags.quiet ? () => {} : pullProgress(name, {
      write: context.out,
      columns: stdout.isTTY ? stdout.columns ?? 80 : undefined,
    });
    const image = await context.engine().images.pull(name, {
      ...flags.platform === undefined ? {} : { platform: flags.platform },
      onProgress: show,
    });
    if (!flags.quiet) context.out(`Digest: ${image.target}\n`);
    context.out(`${image.name}\n`);
    return 0;
  },
};
