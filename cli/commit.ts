/**
 * `ctr commit`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { archive } from "../src/task/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "commit",
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  summary: "Create a new image from a container's changes",
  args: [1, 2],
  flags: {
    "author": { type: "string", short: "a", help: "Author" },
    "change": {
      type: "list",
      short: "c",
      help: "Apply Dockerfile instruction to the created image",
    },
    "compression": {
      type: "string",
      default: "gzip",
      ours: true,
      help: "Commit compression algorithm: gzip, zstd",
    },
    "message": { type: "string", short: "m", help: "Commit message" },
    "no-pause": { type: "bool", help: "Do not pause the container during commit" },
    "pause": {
      type: "bool",
      short: "p",
      default: true,
      help: "Pause container during commit",
    },
  },
  missing: ["estargz", "format", "zstdchunked"],
}, async (context, { flags, args }) => {
  const [container, name] = args as [string, string?];
  const compression = compressionOf(flags.compression);
  const { commitContainer } = await archive();
  const { id } = await commitContainer(context.engine(), container, {
    name,
    author: flags.author,
    message: flags.message,
    compression,
    changes: flags.change,
    pause: flags.pause && !flags["no-pause"],
  });
  context.out(`${id}\n`);
  return 0;
});

function compressionOf(name: string): "gzip" | "zstd" {
  if (name === "gzip" || name === "zstd") return name;
  throw new CtrError({
    code: "invalid_argument",
    operation: "commit with --compression",
    subject: name,
    reason: "it is gzip or zstd",
  });
}
