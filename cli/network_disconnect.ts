/**
 * `ctr network disconnect`.
 *
 * @module
 */

import { attachments } from "../src/task/mod.ts";
import { define } from "./command.ts";

export const command = define({
  name: "network disconnect",
  usage: "NETWORK CONTAINER",
  summary: "Disconnect a container from a network",
  args: [2, 2],
  flags: {},
  missing: ["force,f"],
}, async (context, { args: [network, container] }) => {
  const { disconnectNetwork } = await attachments();
  await disconnectNetwork(context.engine(), container!, network!);
  return 0;
});
