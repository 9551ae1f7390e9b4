/**
 * `ctr diff`.
 *
 * @module
 */

import { archive } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { printable } from "./failure.ts";

const LETTERS = { added: "A", changed: "C", deleted: "D" };

export const command = define({
  name: "diff",
  usage: "CONTAINER",
  summary: "Inspect changes to files or directories on a container's filesystem",
  args: [1, 1],
  flags: {},
}, async (context, { args }) => {
  const [name] = args as [string];
  const { diffContainer } = await archive();
  const changes = await diffContainer(context.engine(), name);
  context.out(changes.map(({ kind, path }) => `${LETTERS[kind]} ${printable(path)}\n`).join(""));
  return 0;
});
