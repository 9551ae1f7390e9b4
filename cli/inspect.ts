/**
 * `ctr inspect`.
 *
 * @module
 */

import { CtrError, isNotFound } from "../src/errors.ts";
import { list } from "../src/task/mod.ts";
import type { Command, Context } from "./command.ts";
import { type Flags, parseFlags, UsageError } from "./flags.ts";

const FLAGS = {
  "format": { type: "string", short: "f", help: 'Format output with a Go template or "json"' },
  "type": {
    type: "string",
    help: 'Only inspect objects of the given type: "container" or "image"',
  },
} as const satisfies Flags;

export const command: Command = {
  usage: "inspect [OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Return low-level information on containers and images",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("inspect", FLAGS, argv, { unsupported: ["--size", "-s"] });
    if (args.length === 0) {
      throw new UsageError({
        code: "invalid_argument",
        operation: 'run "ctr inspect"',
        reason: "it requires at least 1 argument",
        hint: 'see "ctr inspect --help"',
      });
    }
    const found: Record<string, unknown>[] = [];
    let code = 0;
    for (const name of args) {
      try {
        found.push(await inspect(context, name, flags.type));
      } catch (error) {
        context.err(`ctr: ${(error as Error).message}\n`);
        code = 1;
      }
    }
    if (flags.format === undefined) context.out(`${JSON.stringify(found, null, 4)}\n`);
    else {
      const { formatRows } = await import("./format.ts");
      context.out(formatRows(flags.format, found));
    }
    return code;
  },
};

async function inspect(
  context: Context,
  name: string,
  type: string | undefined,
): Promise<Record<string, unknown>> {
  const engine = context.engine();
  if (type !== undefined && type !== "container" && type !== "image") {
    throw new CtrError({
      code: "invalid_argument",
      operation: "inspect",
      subject: type,
      reason: 'types are "container" and "image"',
    });
  }
  if (type !== "image") {
    try {
      return await (await list()).inspectContainer(engine, name);
    } catch (error) {
      if (type === "container" || !isNotFound(error)) throw error;
    }
  }
  try {
    const image = await engine.images.resolve(name);
    const summary = (await engine.images.list()).find(({ id }) => id === image.id);
    const { config } = image;
    return {
      Id: image.id,
      RepoTags: summary?.repoTags ?? [],
      RepoDigests: summary?.repoDigests ?? [],
      Created: config.created ?? "",
      Author: config.author ?? "",
      Config: config.config ?? {},
      Architecture: config.architecture,
      Os: config.os,
      ...config.variant === undefined ? {} : { Variant: config.variant },
      Size: summary?.size ?? image.size,
      RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
      Descriptor: { digest: image.target },
    };
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
