/**
 * `ctr pull`.
 *
 * @module
 */

import {
  canonicalName,
  familiarName,
  type Images,
  isTransport,
  type PullImageOptions,
  withoutDocker,
} from "../src/image/mod.ts";
import { codeOf } from "../src/errors.ts";
import { allPlatforms } from "./all_platforms.ts";
import { type Context, define } from "./command.ts";
import { CONTENT_TRUST, refuseContentTrust } from "./content_trust.ts";
import { lineOf } from "./failure.ts";
import { UsageError } from "./flags.ts";
import { displayOn, pullProgress } from "./progress.ts";
import { VERIFY_FLAGS } from "./verify_flags.ts";

export const command = define({
  name: "pull",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  args: [1, 1],
  flags: {
    ...VERIFY_FLAGS,
    ...CONTENT_TRUST,
    "all-platforms": { type: "bool", ours: true, help: "Download all platforms of the image" },
    "all-tags": {
      type: "bool",
      short: "a",
      help: "Download all tagged images in the repository",
    },
    "platform": { type: "string", help: "Set platform if server is multi-platform capable" },
    "quiet": { type: "bool", short: "q", help: "Suppress verbose output" },
    "snapshotter": {
      type: "string",
      help: "How image layers are kept: overlayfs, erofs, native, btrfs, zfs",
      ours: true,
    },
  },
  missing: ["ipfs-address", "soci-index-digest", "unpack"],
}, async (context, { flags, args }) => {
  refuseContentTrust("pull", flags);
  const name = withoutDocker(args[0]!);
  const how: Pick<PullImageOptions, "allPlatforms" | "platform" | "verify"> = {
    allPlatforms: allPlatforms("pull", flags),
    platform: flags.platform,
    verify: flags.verify === "none"
      ? undefined
      : await (await import("./image_verifier.ts")).imageVerifier(context, flags),
  };
  const { images } = await context.engine().by(flags.snapshotter);
  if (flags["all-tags"]) {
    if (isTransport(name) || /[:@][^/]*$/.test(name)) {
      const reason = "tag can't be used with --all-tags/-a";
      throw new UsageError({ command: "pull", reason, exitCode: 1 });
    }
    const canonical = canonicalName(name);
    const repository = canonical.slice(0, canonical.lastIndexOf(":"));
    for await (const tag of images.remoteTags(repository)) {
      if (OF_COSIGN.test(tag)) continue;
      try {
        await pullOne(context, images, `${repository}:${tag}`, flags.quiet, how);
      } catch (error) {
        // Signatures and other artifacts have tags too.
        if (codeOf(error) !== "not_implemented") throw error;
        context.err(`ctr: left out ${tag}: ${lineOf(error)}\n`);
      }
    }
    context.out(`${repository}\n`);
    return 0;
  }
  if (isTransport(name)) {
    if (how.allPlatforms) {
      const reason = "--all-platforms is for registries: load an archive with all its platforms";
      throw new UsageError({ command: "pull", reason, code: "not_implemented" });
    }
    const { id } = await images.pull(name, how);
    context.out(`${id}\n`);
    return 0;
  }
  context.out(`${await pullOne(context, images, name, flags.quiet, how)}\n`);
  return 0;
});

/** Tags of what cosign says of other tags' images; it looks like images, and is none. */
const OF_COSIGN = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

/** Pull one name and show it. @returns its canonical name */
async function pullOne(
  context: Context,
  images: Images,
  name: string,
  quiet: boolean,
  how: PullImageOptions,
): Promise<string> {
  const { state } = context.engine();
  const canonical = canonicalName(name);
  const before = state.images.get(canonical)?.target.digest;
  const untagged = !/[:@][^/]*$/.test(name);
  const heading = untagged ? "Using default tag: latest\n" : "";
  const show = pullProgress(displayOn(1, context.out), heading);
  let asked = false;
  const image = await images.pull(name, {
    ...how,
    artifacts: true,
    onProgress(event) {
      asked ||= event.status === "resolving";
      if (!quiet) show(event);
    },
  });
  if (asked && !quiet) {
    const familiar = familiarName(canonical);
    context.out(
      before === image.target
        ? `Status: Image is up to date for ${familiar}\n`
        : `Status: Downloaded newer image for ${familiar}\n`,
    );
  }
  return image.name;
}
