/**
 * `ctr network inspect`.
 *
 * @module
 */

import { define } from "./command.ts";
import { lineOf } from "./failure.ts";
import { FORMAT_ONE_HELP, formatOne } from "./format.ts";
import { networkDetails, predefined } from "./network_rows.ts";

export const command = define({
  name: "network inspect",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  summary: "Display detailed information on one or more networks",
  args: [1, Infinity],
  flags: { "format": { type: "string", short: "f", help: FORMAT_ONE_HELP } },
  missing: ["verbose,v"],
}, async (context, { flags, args }) => {
  const networks = await context.engine().networks();
  const found: unknown[] = [];
  let code = 0;
  for (const name of args) {
    try {
      const network = predefined(name) ?? networks.resolve(name, "inspect network");
      const endpoints = network.link === "" ? [] : await networks.endpoints(network);
      found.push(networkDetails(network, endpoints));
    } catch (error) {
      context.err(`ctr: ${lineOf(error)}\n`);
      code = 1;
    }
  }
  if (flags.format === undefined) context.out(`${JSON.stringify(found, null, 4)}\n`);
  else for (const one of found) context.out(formatOne(flags.format, one));
  return code;
});
