/**
 * `ctr rmi`.
 *
 * @module
 */

import { isNotFound } from "../src/errors.ts";
import { list } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { deleteBehind } from "./delete_behind.ts";
import { each } from "./each.ts";
import { lineOf } from "./failure.ts";

export const command = define({
  name: "rmi",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Remove one or more images",
  args: [1, Infinity],
  flags: {
    "force": { type: "bool", short: "f", help: "Force removal of the image" },
    // Images have no parents here that could be deleted with them.
    "no-prune": { type: "bool", help: "Do not delete untagged parents" },
  },
  missing: ["async", "platform"],
}, async (context, { flags: { force }, args }) => {
  const engine = context.engine();
  const { listContainers } = await list();
  const running = new Set(
    (await listContainers(engine))
      .filter(({ status }) => status === "running" || status === "paused")
      .map(({ record }) => record.id),
  );
  const later = new Set<string>();
  const exitCode = await each(context, args, async (name) => {
    try {
      const removed = await engine.images.remove(name, {
        force,
        isRunning: (id) => running.has(id),
        later: (path) => void later.add(path),
      });
      return removed.map((one) =>
        "untagged" in one ? `Untagged: ${one.untagged}` : `Deleted: ${one.deleted}`
      ).join("\n");
    } catch (error) {
      if (!force || !isNotFound(error)) throw error;
      context.err(`ctr: ${lineOf(error)}\n`);
      return "";
    }
  });
  deleteBehind(later);
  return exitCode;
});
