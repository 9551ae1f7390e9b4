/**
 * `ctr pull`.
 *
 * @module
 */

import { canonicalName, familiarName, isTransport, withoutDocker } from "../src/image/mod.ts";
import { define } from "./command.ts";
import { displayOn, pullProgress } from "./progress.ts";

export const command = define({
  name: "pull",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  args: [1, 1],
  flags: {
    "platform": { type: "string", help: "Set platform if server is multi-platform capable" },
    "quiet": { type: "bool", short: "q", help: "Suppress verbose output" },
    "snapshotter": {
      type: "string",
      help: "How image layers are kept: overlayfs, erofs, native",
      ours: true,
    },
  },
  missing: ["all-tags,a", "disable-content-trust"],
}, async (context, { flags, args }) => {
  const name = withoutDocker(args[0]!);
  const engine = context.engine();
  const { state } = engine;
  const { images } = await engine.by(flags.snapshotter);
  if (isTransport(name)) {
    const { id } = await images.pull(name, { platform: flags.platform });
    context.out(`${id}\n`);
    return 0;
  }
  const canonical = canonicalName(name);
  const before = state.images.get(canonical)?.target.digest;
  const untagged = !/[:@][^/]*$/.test(name);
  const heading = untagged ? "Using default tag: latest\n" : "";
  const show = pullProgress(displayOn(1, context.out), heading);
  let asked = false;
  const image = await images.pull(name, {
    ...flags.platform === undefined ? {} : { platform: flags.platform },
    onProgress(event) {
      asked ||= event.status === "resolving";
      if (!flags.quiet) show(event);
    },
  });
  if (asked && !flags.quiet) {
    const familiar = familiarName(canonical);
    context.out(
      before === image.target
        ? `Status: Image is up to date for ${familiar}\n`
        : `Status: Downloaded newer image for ${familiar}\n`,
    );
  }
  context.out(`${image.name}\n`);
  return 0;
});
