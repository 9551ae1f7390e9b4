/**
 * `ctr inspect`.
 *
 * @module
 */

import { CtrError, isNotFound } from "../src/errors.ts";
import { list } from "../src/task/mod.ts";
import { type Context, define } from "./command.ts";
import { lineOf } from "./failure.ts";
import { FORMAT_ONE_HELP } from "./format.ts";

export const command = define({
  name: "inspect",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Return low-level information on containers and images",
  args: [1, Infinity],
  flags: {
    "format": { type: "string", short: "f", help: FORMAT_ONE_HELP },
    "type": {
      type: "string",
      help: 'Only inspect objects of the given type ("container", "image")',
    },
  },
  missing: ["size,s"],
}, async (context, { flags, args }) => {
  const type = typeOf(flags.type);
  const found: unknown[] = [];
  let code = 0;
  for (const name of args) {
    try {
      found.push(await inspect(context, name, type));
    } catch (error) {
      context.err(`ctr: ${lineOf(error)}\n`);
      code = 1;
    }
  }
  if (flags.format === undefined) context.out(`${JSON.stringify(found, null, 4)}\n`);
  else {
    const { formatOne } = await import("./format.ts");
    for (const one of found) context.out(formatOne(flags.format, one));
  }
  return code;
});

type Type = "container" | "image";

function typeOf(text: string | undefined): Type | undefined {
  if (text === undefined || text === "container" || text === "image") return text;
  const known = ["config", "network", "node", "plugin", "secret", "service", "task", "volume"];
  throw new CtrError({
    code: known.includes(text) ? "not_implemented" : "invalid_argument",
    operation: "use --type",
    subject: text,
    reason: known.includes(text) ? "it is not supported yet" : 'it is "container" or "image"',
  });
}

async function inspect(context: Context, name: string, type: Type | undefined): Promise<unknown> {
  if (type !== "image") {
    try {
      return await (await list()).inspectContainer(context.engine(), name);
    } catch (error) {
      if (type === "container" || !isNotFound(error)) throw error;
    }
  }
  try {
    return await inspectImage(context, name);
  } catch (error) {
    if (type === "image" || !isNotFound(error)) throw error;
    throw new CtrError({
      code: "not_found",
      operation: "inspect",
      subject: name,
      reason: "no such container or image",
    });
  }
}

async function inspectImage(context: Context, name: string): Promise<unknown> {
  const { images } = context.engine();
  const image = await images.resolve(name);
  const summary = (await images.list()).find(({ id }) => id === image.id);
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: summary?.repoTags ?? [],
    RepoDigests: summary?.repoDigests ?? [],
    Created: config.created ?? "",
    Author: config.author ?? "",
    Config: config.config ?? {},
    Architecture: config.architecture,
    ...config.variant === undefined ? {} : { Variant: config.variant },
    Os: config.os,
    Size: summary?.size ?? image.size,
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
    Descriptor: { digest: image.target },
  };
}
