/**
 * `ctr manifest inspect`.
 *
 * @module
 */

import { isNotFound } from "../src/errors.ts";
import { dockerConfigAccess, type RemoteManifest, remoteManifests } from "../src/image/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "manifest inspect",
  usage: "[OPTIONS] MANIFEST",
  summary: "Display an image manifest, or manifest list",
  args: [1, 1],
  flags: {
    "insecure": { type: "bool", help: "Allow communication with an insecure registry" },
    "verbose": {
      type: "bool",
      short: "v",
      help: "Output additional info including layers and platform",
    },
  },
}, async (context, { flags, args }) => {
  const [name] = args as [string];
  const access = await dockerConfigAccess(context.env);
  const host = name.slice(0, Math.max(0, name.indexOf("/")));
  const insecure = flags.insecure ? { insecure: [host] } : {};
  try {
    const found = await remoteManifests(name, { ...access, ...insecure, all: flags.verbose });
    context.out(flags.verbose ? verbose(found.manifests, found.target.bytes) : brief(found.target));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    context.err(`no such manifest: ${name}\n`);
    return 1;
  }
  return 0;
});

/** Docker indents lists by three blanks and all else by a tab. */
function brief({ bytes }: { readonly bytes: Uint8Array }): string {
  const document = parse(bytes);
  if (!Array.isArray(document["manifests"])) return `${JSON.stringify(document, null, "\t")}\n`;
  const { schemaVersion, mediaType } = document;
  const manifests = (document["manifests"] as Json[]).map((each) => ({
    mediaType: each["mediaType"],
    size: each["size"],
    digest: each["digest"],
    platform: platformOf(each["platform"] as Json | undefined),
  }));
  return `${JSON.stringify({ schemaVersion, mediaType, manifests }, null, 3)}\n`;
}

function verbose(manifests: readonly RemoteManifest[], target: Uint8Array): string {
  const all = manifests.map(({ ref, descriptor, bytes }) => {
    const { mediaType, digest, size, platform } = descriptor;
    const key = mediaType.includes(".docker.") ? "SchemaV2Manifest" : "OCIManifest";
    return {
      Ref: ref,
      Descriptor: {
        ...{ mediaType, digest, size },
        ...platform === undefined ? {} : { platform: platformOf({ ...platform }) },
      },
      Raw: Buffer.from(bytes).toString("base64"),
      [key]: parse(bytes),
    };
  });
  const isList = Array.isArray(parse(target)["manifests"]);
  return `${JSON.stringify(isList ? all : all[0], null, "\t")}\n`;
}

type Json = Readonly<Record<string, unknown>>;

function platformOf(platform: Json | undefined): Json {
  const { architecture, os, variant } = platform ?? {};
  const [version, features] = [platform?.["os.version"], platform?.["os.features"]];
  return { architecture, os, "os.version": version, "os.features": features, variant };
}

function parse(bytes: Uint8Array): Json {
  return JSON.parse(new TextDecoder().decode(bytes)) as Json;
}
