/**
 * `ctr rmi`.
 *
 * @module
 */

import { list } from "../src/task/mod.ts";
import type { Command } from "./command.ts";
import { each } from "./each.ts";
import { type Flags, parseFlags } from "./flags.ts";

const FLAGS = {
  "force": { type: "bool", short: "f", help: "Force removal of the image" },
} as const satisfies Flags;

export const command: Command = {
  usage: "rmi [OPTIONS] IMAGE [IMAGE...]",
  summary: "Remove one or more images",
  flags: FLAGS,
  async run(context, argv) {
    const { flags, args } = parseFlags("rmi", FLAGS, argv, { unsupported: ["--no-prune"] });
    const engine = context.engine();
    const { listContainers } = await list();
    const containers = await listContainers(engine);
    const running = new Set(
      containers.filter(({ status }) => status === "running" || status === "paused")
        .map(({ record }) => record.id),
    );
    return await each(context, "rmi", args, async (name) => {
      const removed = await engine.images.remove(name, {
        force: flags.force ?? false,
        isRunning: (id) => running.has(id),
      });
      return removed.map((one) =>
        "untagged" in one ? `Untagged: ${one.untagged}` : `Deleted: ${one.deleted}`
      ).join("\n");
    });
  },
};
