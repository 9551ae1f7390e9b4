/**
 * `ctr network rm`.
 *
 * @module
 */

import { CtrError, isNotFound } from "../src/errors.ts";
import { DEFAULT_NETWORK } from "../src/network/mod.ts";
import { define } from "./command.ts";
import { each } from "./each.ts";
import { predefined } from "./network_rows.ts";

export const command = define({
  name: "network rm",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  summary: "Remove one or more networks",
  args: [1, Infinity],
  flags: {
    "force": { type: "bool", short: "f", help: "Do not error if the network does not exist" },
  },
}, async (context, { flags: { force }, args }) => {
  const networks = await context.engine().networks();
  return await each(context, args, async (name) => {
    try {
      if (name === DEFAULT_NETWORK || predefined(name) !== undefined) {
        throw new CtrError({
          code: "permission_denied",
          operation: "remove network",
          subject: name,
          reason: `${name} is a pre-defined network and cannot be removed`,
        });
      }
      await networks.remove(networks.resolve(name, "remove network"));
    } catch (error) {
      if (!force || !isNotFound(error)) throw error;
    }
  });
});
