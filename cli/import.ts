/**
 * `ctr import`.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { readArchiveFile } from "./archive_file.ts";
import { define } from "./command.ts";

export const command = define({
  name: "import",
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  summary: "Import the contents from a tarball to create a filesystem image",
  args: [1, 2],
  flags: {
    "change": {
      type: "list",
      short: "c",
      help: "Apply Dockerfile instruction to the created image",
    },
    "message": { type: "string", short: "m", help: "Set commit message for imported image" },
    "platform": { type: "string", help: "Set platform if server is multi-platform capable" },
  },
}, async (context, { flags, args }) => {
  const [source, name] = args as [string, string?];
  const { id } = await context.engine().images.make({
    name,
    layer: /^https?:\/\//.test(source)
      ? fetched(source)
      : readArchiveFile("import", source === "-" ? undefined : source),
    changes: flags.change,
    platform: flags.platform,
    comment: flags.message ?? `Imported from ${source}`,
  });
  context.out(`${id}\n`);
  return 0;
});

async function* fetched(url: string): AsyncGenerator<Uint8Array, void> {
  const failed = (reason: string, cause?: unknown) =>
    new CtrError({ code: "unavailable", operation: "import from", subject: url, reason, cause });
  let answer: Response;
  try {
    answer = await fetch(url);
  } catch (cause) {
    throw failed((cause as Error).message, cause);
  }
  if (!answer.ok || answer.body === null) throw failed(`the server answered ${answer.status}`);
  yield* answer.body;
}
