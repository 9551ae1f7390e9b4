/**
 * New networks: what was asked for, completed and checked.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { NetworkRecord, NetworkSubnet, NetworkTable } from "../state/mod.ts";
import {
  contains,
  formatAddress,
  formatSubnet,
  overlaps,
  parseAddress,
  parseSubnet,
  type Subnet,
} from "./addresses.ts";
import { firstAddress, freeSubnet4, randomSubnet6 } from "./pools.ts";

/** What is asked for. */
export interface CreateNetworkOptions {
  readonly name: string;
  /** Default `bridge`. */
  readonly driver?: string;
  readonly subnets?: readonly string[];
  /** Each is of the subnet that it is in; so with ranges and auxiliary addresses. */
  readonly gateways?: readonly string[];
  readonly ipRanges?: readonly string[];
  /** `NAME=ADDRESS`. */
  readonly auxAddresses?: readonly string[];
  readonly ipv6?: boolean;
  readonly internal?: boolean;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The network that a container has if it asks for none. */
export const DEFAULT_NETWORK = "bridge";

/** What the drivers know. Short names are nerdctl's. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  bridge: [
    "com.docker.network.driver.mtu",
    "com.docker.network.bridge.name",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
  ],
};
const SHORT: Readonly<Record<string, string>> = {
  mtu: "com.docker.network.driver.mtu",
  icc: "com.docker.network.bridge.enable_icc",
};

function invalid(name: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "create network",
    subject: name,
    reason,
  });
}

/**
 * The record of a network to be.
 *
 * @param used subnets that lead somewhere from this machine already
 * @param isLink whether the machine has a link of this name
 */
export function newNetwork(
  table: NetworkTable,
  asked: CreateNetworkOptions,
  { used, isLink, random = crypto.getRandomValues(new Uint8Array(32)), now = Date.now() }: {
    readonly used: readonly Subnet[];
    readonly isLink: (name: string) => boolean;
    readonly random?: Uint8Array;
    readonly now?: number;
  },
): NetworkRecord {
  const { name, driver = "bridge", internal = false, labels = {} } = asked;
  checkName(table, name);
  const known = OPTIONS[driver];
  if (known === undefined) {
    throw new CtrError({
      code: "not_implemented",
      operation: "create network",
      subject: name,
      reason: `there is no driver ${JSON.stringify(driver)}`,
      hint: `drivers are ${Object.keys(OPTIONS).join(", ")}`,
    });
  }
  const options = checkedOptions(name, asked.options ?? {}, known);
  const id = [...random.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const record: NetworkRecord = {
    id,
    name,
    driver,
    createdAt: now,
    subnets: subnetsOf(table, asked, used, random),
    internal,
    options,
    labels,
    link: "",
  };
  const chosen = options["com.docker.network.bridge.name"];
  if (chosen !== undefined && !/^[^\s/:]{1,15}$/.test(chosen)) {
    throw invalid(name, `${JSON.stringify(chosen)} is not the name of a link`);
  }
  const own = name === DEFAULT_NETWORK && !isLink("ctr0") ? "ctr0" : `ctr-${id.slice(0, 11)}`;
  return { ...record, link: chosen ?? own };
}

function checkName(table: NetworkTable, name: string): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw invalid(name, 'a name is letters, digits, "_", "." and "-"');
  }
  if (["none", "host", "container"].includes(name)) {
    throw new CtrError({
      code: "permission_denied",
      operation: "create network",
      subject: name,
      reason: "operation is not permitted on predefined networks",
    });
  }
  if (table.list().some((other) => other.name === name)) {
    throw new CtrError({
      code: "conflict",
      operation: "create network",
      subject: name,
      reason: `network with name ${name} already exists`,
    });
  }
}

function checkedOptions(
  name: string,
  given: Readonly<Record<string, string>>,
  known: readonly string[],
): Record<string, string> {
  const options = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [SHORT[key] ?? key, value]),
  );
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) throw invalid(name, `unknown option ${JSON.stringify(key)}`);
    if (key.endsWith("mtu") && !(/^\d{1,5}$/.test(value) && Number(value) >= 68)) {
      throw invalid(name, `${JSON.stringify(value)} is not an MTU`);
    }
    if (key.includes(".enable_") && !/^(true|false)$/.test(value)) {
      throw invalid(name, `option ${key} is true or false`);
    }
  }
  return options;
}

function subnetsOf(
  table: NetworkTable,
  asked: CreateNetworkOptions,
  used: readonly Subnet[],
  random: Uint8Array,
): NetworkSubnet[] {
  const { name, gateways = [], ipRanges = [], auxAddresses = [] } = asked;
  const others = table.list().flatMap(({ subnets }) =>
    subnets.map((one) => parseSubnet(one.subnet))
  );
  const subnets = (asked.subnets ?? []).map(parseSubnet);
  for (const [at, subnet] of subnets.entries()) {
    if (subnets.some(({ family }, before) => before < at && family === subnet.family)) {
      throw invalid(name, `it can have one subnet of IP version ${subnet.family}`);
    }
    if (others.some((other) => overlaps(other, subnet))) {
      throw new CtrError({
        code: "conflict",
        operation: "create network",
        subject: name,
        reason: "Pool overlaps with other one on this address space",
      });
    }
  }
  const has = (family: 4 | 6) => subnets.some((subnet) => subnet.family === family);
  if (has(6) && asked.ipv6 === false) throw invalid(name, "a subnet of IP version 6 needs --ipv6");
  if (!has(4)) subnets.unshift(freeSubnet4([...used, ...others]));
  if (asked.ipv6 === true && !has(6)) subnets.push(randomSubnet6(random));
  const rest = {
    gateways: [...gateways],
    ipRanges: [...ipRanges],
    aux: auxAddresses.map((text) => auxAddress(name, text)),
  };
  const found = subnets.map((subnet): NetworkSubnet => {
    const take = <T>(list: T[], addressOf: (item: T) => Uint8Array): T[] => {
      const mine = list.filter((item) => contains(subnet, addressOf(item)));
      for (const item of mine) list.splice(list.indexOf(item), 1);
      return mine;
    };
    const [gateway] = take(rest.gateways, parseAddress);
    const [ipRange] = take(rest.ipRanges, (text) => parseSubnet(text).bytes);
    const aux = take(rest.aux, ([, address]) => parseAddress(address));
    return {
      subnet: formatSubnet(subnet),
      gateway: formatAddress(gateway === undefined ? firstAddress(subnet) : parseAddress(gateway)),
      ...ipRange === undefined ? {} : { ipRange: formatSubnet(parseSubnet(ipRange)) },
      ...aux.length === 0 ? {} : { auxAddresses: Object.fromEntries(aux) },
    };
  });
  const [lost] = [...rest.gateways, ...rest.ipRanges, ...rest.aux.map(([, address]) => address)];
  if (lost !== undefined) throw invalid(name, `no subnet of it contains ${lost}`);
  return found;
}

function auxAddress(name: string, text: string): [name: string, address: string] {
  const [key, address = ""] = text.split("=", 2) as [string, string?];
  if (key === "" || address === "") throw invalid(name, `${text} is not NAME=ADDRESS`);
  return [key, formatAddress(parseAddress(address))];
}
