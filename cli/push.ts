/**
 * `ctr push`.
 *
 * @module
 */

import { canonicalName, familiarName, type PushProgress } from "../src/image/mod.ts";
import { CtrError } from "../src/errors.ts";
import { allPlatforms } from "./all_platforms.ts";
import { type Context, define } from "./command.ts";
import { CONTENT_TRUST, refuseContentTrust } from "./content_trust.ts";
import { UsageError } from "./flags.ts";

export const command = define({
  name: "push",
  usage: "[OPTIONS] NAME[:TAG]",
  summary: "Upload an image to a registry",
  args: [1, 1],
  flags: {
    ...CONTENT_TRUST,
    "all-platforms": { type: "bool", ours: true, help: "Fail unless all platforms are here" },
    "all-tags": { type: "bool", short: "a", help: "Push all tags of an image to the repository" },
    "platform": { type: "string", help: "Push only this platform of a multi-platform image" },
    "quiet": { type: "bool", short: "q", help: "Suppress verbose output" },
  },
  missing: [
    ...["allow-nondistributable-artifacts", "cosign-key", "estargz", "ipfs-address", "sign"],
    ...["notation-key-name", "soci-min-layer-size", "soci-span-size"],
  ],
}, async (context, { flags, args }) => {
  refuseContentTrust("push", flags);
  const [name] = args as [string];
  if (!flags["all-tags"]) return await pushOne(context, name, flags);
  if (/[:@][^/]*$/.test(name)) {
    const reason = "tag can't be used with --all-tags/-a";
    throw new UsageError({ command: "push", reason, exitCode: 1 });
  }
  const repository = repositoryOf(canonicalName(name));
  const tagged = context.engine().state.images.list().map((image) => image.name)
    .filter((other) => !other.includes("@") && repositoryOf(other) === repository).sort();
  if (tagged.length === 0) {
    throw new CtrError({
      code: "not_found",
      operation: "push",
      subject: name,
      reason: "no image of that repository is here",
    });
  }
  for (const each of tagged) await pushOne(context, each, flags);
  return 0;
});

function repositoryOf(canonical: string): string {
  return canonical.replace(/(:[^/:]+|@.*)$/, "");
}

interface PushFlags {
  readonly "all-platforms": boolean;
  readonly platform: string | undefined;
  readonly quiet: boolean;
}

async function pushOne(
  context: Context,
  name: string,
  flags: PushFlags,
): Promise<number> {
  const { platform, quiet } = flags;
  const canonical = canonicalName(name);
  const repository = repositoryOf(canonical);
  let begun = false;
  const pushed = await context.engine().images.push(name, {
    platform,
    allPlatforms: allPlatforms("push", flags),
    onProgress(event) {
      if (quiet) return;
      if (!begun) context.out(`The push refers to repository [${repository}]\n`);
      begun = true;
      const line = lineOf(event);
      if (line !== undefined) context.out(line);
    },
  });
  if (quiet) {
    context.out(`${canonical}\n`);
    return 0;
  }
  if (!pushed.whole && platform === undefined) {
    context.err(`ctr: only one platform of ${familiarName(canonical)} is here and was pushed\n`);
  }
  const tag = /:([^/:]+)$/.exec(canonical)?.[1];
  const prefix = canonical.includes("@") || tag === undefined ? "" : `${tag}: `;
  context.out(`${prefix}digest: ${pushed.target} size: ${pushed.size}\n`);
  return 0;
}

const WORDS: Readonly<Record<PushProgress["status"], string | undefined>> = {
  waiting: "Preparing",
  pushing: undefined,
  exists: "Layer already exists",
  mounted: "Mounted from",
  pushed: "Pushed",
};

/** One line per change of state, as Docker writes them where there is no terminal. */
function lineOf({ status, id, message }: PushProgress): string | undefined {
  const words = WORDS[status];
  if (words === undefined) return undefined;
  const from = message === undefined ? "" : ` ${message}`;
  return `${id.replace(/^sha256:/, "").slice(0, 12)}: ${words}${from}\n`;
}
