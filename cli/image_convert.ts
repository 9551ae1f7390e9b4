/**
 * `ctr image convert`.
 *
 * @module
 */

import type { ConvertOptions } from "../src/image/mod.ts";
import { allPlatforms } from "./all_platforms.ts";
import { define } from "./command.ts";
import { UsageError } from "./flags.ts";

const COMMAND = "image convert";

export const command = define({
  name: COMMAND,
  usage: "[OPTIONS] SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Convert an image",
  args: [2, 2],
  flags: {
    "all-platforms": { type: "bool", ours: true, help: "Convert all platforms of the image" },
    "docker": { type: "bool", ours: true, help: "Give documents Docker's media types" },
    "gzip": { type: "bool", ours: true, help: "Compress layers with gzip" },
    "gzip-compression-level": { type: "int", ours: true, help: "1 to 9" },
    "oci": { type: "bool", ours: true, help: "Give documents OCI's media types" },
    "platform": {
      type: "list",
      ours: true,
      help: "Convert this platform (default: this machine's)",
    },
    "uncompress": { type: "bool", ours: true, help: "Do not compress layers" },
    "zstd": { type: "bool", ours: true, help: "Compress layers with zstd (implies --oci)" },
    "zstd-compression-level": { type: "int", ours: true, help: "1 to 22" },
    "zstdchunked": {
      type: "bool",
      ours: true,
      help: "Compress layers with zstd, each file by itself (implies --oci)",
    },
    "zstdchunked-compression-level": { type: "int", ours: true, help: "1 to 22" },
  },
  missing: [
    ...["erofs", "estargz", "nydus", "overlaybd", "soci", "format"],
    ...["zstdchunked-chunk-size", "zstdchunked-record-in"],
  ],
}, async (context, { flags, args }) => {
  const [source, target] = args as [string, string];
  const wrong = (reason: string) => new UsageError({ command: COMMAND, reason });
  const kinds = (["gzip", "uncompress", "zstd", "zstdchunked"] as const).filter((kind) =>
    flags[kind]
  );
  if (kinds.length > 1) throw wrong(`--${kinds[0]} and --${kinds[1]} exclude each other`);
  if (flags.oci && flags.docker) throw wrong("--oci and --docker exclude each other");
  const [kind] = kinds;
  const levels = { gzip: 9, zstd: 22, zstdchunked: 22 };
  for (const name of ["gzip", "zstd", "zstdchunked"] as const) {
    const level = flags[`${name}-compression-level`];
    if (level === undefined) continue;
    if (kind !== name) throw wrong(`--${name}-compression-level is for --${name}`);
    if (level >= 1 && level <= levels[name]) continue;
    throw wrong(`--${name}-compression-level is 1 to ${levels[name]}, not ${level}`);
  }
  const how: ConvertOptions = {
    platforms: allPlatforms(COMMAND, flags)
      ? "all"
      : flags.platform.length === 0
      ? undefined
      : flags.platform,
    documents: flags.oci ? "oci" : flags.docker ? "docker" : undefined,
    compression: kind === "uncompress" ? "none" : kind === "zstdchunked" ? "zstd" : kind,
    chunked: kind === "zstdchunked",
    level: kind === undefined || kind === "uncompress"
      ? undefined
      : flags[`${kind}-compression-level`],
  };
  const { image } = await context.engine().images.convert(source, target, how);
  context.out(`${image.target}\n`);
  return 0;
});
