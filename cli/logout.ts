/**
 * `ctr logout`.
 *
 * @module
 */

import { define } from "./command.ts";

export const command = define({
  name: "logout",
  usage: "[SERVER]",
  summary: "Log out from a registry",
  args: [0, 1],
  flags: {},
}, async (context, { args }) => {
  const { dockerConfig, hostOf } = await import("../src/pull/mod.ts");
  const host = hostOf(args[0] ?? "docker.io");
  const found = await dockerConfig(context.env).erase(host);
  context.out(found ? `Removing login credentials for ${host}\n` : `Not logged in to ${host}\n`);
  return 0;
});
