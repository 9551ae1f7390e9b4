/**
 * `ctr network connect`.
 *
 * @module
 */

import { parseAddress } from "../src/network/mod.ts";
import { attachments } from "../src/task/mod.ts";
import { define } from "./command.ts";
import { checkedAlias } from "./network_flags.ts";

export const command = define({
  name: "network connect",
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Connect a container to a network",
  args: [2, 2],
  flags: {
    "alias": { type: "list", help: "Add network-scoped alias for the container" },
    "ip": { type: "string", help: 'IPv4 address (e.g., "172.30.100.104")' },
    "ip6": { type: "string", help: 'IPv6 address (e.g., "2001:db8::33")' },
  },
  missing: ["driver-opt", "gw-priority", "link", "link-local-ip"],
}, async (context, { flags, args: [network, container] }) => {
  for (const address of [flags.ip, flags.ip6]) if (address !== undefined) parseAddress(address);
  const { connectNetwork } = await attachments();
  await connectNetwork(context.engine(), container!, {
    network: network!,
    ...flags.ip === undefined ? {} : { ipv4: flags.ip },
    ...flags.ip6 === undefined ? {} : { ipv6: flags.ip6 },
    ...flags.alias.length === 0 ? {} : { aliases: flags.alias.map(checkedAlias) },
  });
  return 0;
});
