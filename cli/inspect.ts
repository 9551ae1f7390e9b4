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
import type { InspectMode } from "./image_inspect.ts";

export const command = define({
  name: "inspect",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Return low-level information on containers and images",
  args: [1, Infinity],
  flags: {
    "format": { type: "string", short: "f", help: FORMAT_ONE_HELP },
    "mode": {
      type: "string",
      default: "dockercompat",
      ours: true,
      help: 'Form of an image: "dockercompat", or "native" with its documents',
    },
    "platform": { type: "string", help: "Inspect a platform of a multi-platform image" },
    "type": {
      type: "string",
      help: 'Only inspect objects of the given type ("container", "image")',
    },
  },
  missing: ["size,s"],
}, async (context, { flags, args }) => {
  const type = typeOf(flags.type);
  const how = { type, mode: modeOf(flags.mode), platform: flags.platform };
  const found: unknown[] = [];
  const failures: string[] = [];
  for (const name of args) {
    try {
      found.push(await inspect(context, name, how));
    } catch (error) {
      failures.push(`ctr: ${lineOf(error)}\n`);
    }
  }
  if (flags.format === undefined) context.out(`${JSON.stringify(found, null, 4)}\n`);
  else {
    const { formatOne } = await import("./format.ts");
    for (const one of found) context.out(formatOne(flags.format, one));
  }
  context.err(failures.join(""));
  return failures.length === 0 ? 0 : 1;
});

type Type = "container" | "image";

interface How {
  readonly type: Type | undefined;
  readonly mode: InspectMode;
  readonly platform: string | undefined;
}

function modeOf(text: string): InspectMode {
  if (text === "dockercompat" || text === "native") return text;
  throw new CtrError({
    code: "invalid_argument",
    operation: "use --mode",
    subject: text,
    reason: 'it is "dockercompat" or "native"',
  });
}

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

async function inspect(context: Context, name: string, how: How): Promise<unknown> {
  const { type, mode, platform } = how;
  // A platform is asked of images, as Docker has it: containers have none to choose from.
  if (type !== "image" && platform === undefined) {
    try {
      return await (await list()).inspectContainer(context.engine(), name);
    } catch (error) {
      if (type === "container" || !isNotFound(error)) throw error;
    }
  }
  try {
    const details = await context.engine().images.inspect(name, { platform });
    return (await import("./image_inspect.ts")).imageView(details, mode);
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
