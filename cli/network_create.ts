/**
 * `ctr network create`.
 *
 * @module
 */

import { define } from "./command.ts";
import { parsePairs } from "./env_file.ts";

export const command = define({
  name: "network create",
  usage: "[OPTIONS] NETWORK",
  summary: "Create a network",
  args: [1, 1],
  flags: {
    "aux-address": {
      type: "list",
      value: "map",
      help: "Auxiliary IPv4 or IPv6 addresses used by no container",
    },
    "driver": {
      type: "string",
      short: "d",
      default: "bridge",
      help: "Driver to manage the network",
    },
    "gateway": { type: "list", help: "IPv4 or IPv6 gateway for the subnet" },
    "internal": { type: "bool", help: "Restrict external access to the network" },
    "ip-range": { type: "list", help: "Allocate container IPs from a sub-range" },
    "ipv6": { type: "bool", help: "Enable IPv6 address assignment" },
    "label": { type: "list", help: "Set metadata on a network" },
    "opt": { type: "list", short: "o", value: "map", help: "Set driver specific options" },
    "subnet": { type: "list", help: "Subnet in CIDR format that represents a network segment" },
  },
  missing: "attachable config-from config-only ingress ipam-driver ipam-opt ipv4 scope".split(" "),
}, async (context, { flags, args: [name] }) => {
  const networks = await context.engine().networks();
  const six = flags.ipv6 || flags.subnet.some((subnet) => subnet.includes(":"));
  const { id } = networks.create({
    name: name!,
    driver: flags.driver,
    subnets: flags.subnet,
    gateways: flags.gateway,
    ipRanges: flags["ip-range"],
    auxAddresses: flags["aux-address"],
    ipv6: six,
    internal: flags.internal,
    options: parsePairs(flags.opt),
    labels: parsePairs(flags.label),
  });
  context.out(`${id}\n`);
  return 0;
});
