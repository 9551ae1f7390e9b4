/**
 * The flags of `run` and `create` that are about networks, as the engine's options. Loaded when one
 * of them is given.
 *
 * @module
 */

import { CtrError } from "../src/errors.ts";
import { DEFAULT_NETWORK, parseMac, tryParseAddress } from "../src/network/mod.ts";
import type { NetworkAttachment } from "../src/state/mod.ts";
import type { ContainerOptions } from "../src/task/mod.ts";
import type { Parsed } from "./flags.ts";
import { parseExpose, parsePublish } from "./port_flags.ts";
import type { CONTAINER_FLAGS } from "./run_flags.ts";

type Values = Parsed<typeof CONTAINER_FLAGS>["flags"];
type NetworkOptions = Pick<
  ContainerOptions,
  | "network"
  | "networks"
  | "ports"
  | "publishAll"
  | "exposed"
  | "dns"
  | "dnsSearch"
  | "dnsOptions"
  | "extraHosts"
>;

function invalid(flag: string, subject: string, reason: string): CtrError {
  return new CtrError({ code: "invalid_argument", operation: `use ${flag}`, subject, reason });
}

/** All that they say. @throws {CtrError} `invalid_argument` for what makes no sense */
export function networkOptions(flags: Values, names: readonly string[]): NetworkOptions {
  const common = {
    ...flags.expose.length === 0 ? {} : { exposed: flags.expose.flatMap(parseExpose) },
    ...flags.dns.length === 0 ? {} : { dns: flags.dns.map((text) => address("--dns", text)) },
    ...flags["dns-search"].length === 0 ? {} : { dnsSearch: flags["dns-search"] },
    ...dnsOptions(flags).length === 0 ? {} : { dnsOptions: dnsOptions(flags) },
    ...flags["add-host"].length === 0 ? {} : { extraHosts: flags["add-host"].map(extraHost) },
  };
  const [first = DEFAULT_NETWORK, ...more] = names;
  const alone = first === "none" || first === "host" || first.startsWith("container:");
  if (!alone) {
    return {
      ...common,
      networks: attachments(flags, [first, ...more]),
      ports: flags.publish.flatMap(parsePublish),
      publishAll: flags["publish-all"],
    };
  }
  if (more.length > 0) {
    throw invalid("--network", first, "it cannot be combined with other networks");
  }
  const kind = first.startsWith("container:") ? "container" : first;
  const useless = [
    ...flags.ip === undefined ? [] : ["--ip"],
    ...flags.ip6 === undefined ? [] : ["--ip6"],
    ...aliasesOf(flags).length === 0 ? [] : ["--network-alias"],
    ...flags["mac-address"] === undefined ? [] : ["--mac-address"],
    ...kind !== "container" ? [] : [
      ...flags.hostname === undefined ? [] : ["--hostname"],
      ...flags.publish.length === 0 ? [] : ["--publish"],
      ...flags["publish-all"] ? ["--publish-all"] : [],
      ...flags.dns.length === 0 ? [] : ["--dns"],
      ...flags["add-host"].length === 0 ? [] : ["--add-host"],
    ],
  ];
  if (useless.length > 0) {
    throw invalid(
      useless[0]!,
      first,
      `conflicting options: it cannot be used with --network ${kind}`,
    );
  }
  return { ...common, network: first };
}

function attachments(flags: Values, names: readonly string[]): NetworkAttachment[] {
  const found = names.map((name, index): NetworkAttachment => {
    const aliases = index === 0 ? aliasesOf(flags) : [];
    return {
      ...name.includes("=") ? advanced(name) : { network: name },
      ...index > 0 || flags.ip === undefined ? {} : { ipv4: address("--ip", flags.ip, 4) },
      ...index > 0 || flags.ip6 === undefined ? {} : { ipv6: address("--ip6", flags.ip6, 6) },
      ...index > 0 || flags["mac-address"] === undefined
        ? {}
        : { mac: checkedMac(flags["mac-address"]) },
      ...aliases.length === 0 ? {} : { aliases },
    };
  });
  const [first] = found;
  const isDefault = first!.network === DEFAULT_NETWORK || first!.network === "default";
  if (isDefault && (first!.aliases !== undefined)) {
    throw invalid(
      "--network-alias",
      first!.network,
      "it is supported for user-defined networks only",
    );
  }
  for (const [index, { network }] of found.entries()) {
    if (found.findIndex((other) => other.network === network) < index) {
      throw invalid("--network", network, "it is given twice");
    }
    if (/^(none|host|container:.*)$/.test(network)) {
      throw invalid("--network", network, "it cannot be combined with other networks");
    }
  }
  return found;
}

/** `name=NET,alias=A,ip=…`. */
function advanced(text: string): NetworkAttachment {
  const aliases: string[] = [];
  let network = "";
  let found: Partial<NetworkAttachment> = {};
  for (const pair of text.split(",")) {
    const [key, value = ""] = pair.split("=", 2) as [string, string?];
    if (key === "name") network = value;
    else if (key === "alias") aliases.push(checkedAlias(value));
    else if (key === "ip") found = { ...found, ipv4: address("--network", value, 4) };
    else if (key === "ip6") found = { ...found, ipv6: address("--network", value, 6) };
    else if (key === "mac-address") found = { ...found, mac: checkedMac(value) };
    else throw invalid("--network", text, `invalid field key ${key}`);
  }
  if (network === "") throw invalid("--network", text, "network name/id is not specified");
  return { network, ...found, ...aliases.length === 0 ? {} : { aliases } };
}

function aliasesOf(flags: Values): readonly string[] {
  return [...flags["network-alias"], ...flags["net-alias"]].map(checkedAlias);
}

/** A name that a resolver can be asked for. @throws {CtrError} `invalid_argument` */
export function checkedAlias(text: string): string {
  if (/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$/.test(text)) return text;
  throw invalid("--network-alias", text, "it is not a name for a host");
}

function dnsOptions(flags: Values): readonly string[] {
  return [...flags["dns-option"], ...flags["dns-opt"]];
}

function address(flag: string, text: string, family?: 4 | 6): string {
  const bytes = tryParseAddress(text);
  if (bytes === undefined) throw invalid(flag, text, "it is not an IP address");
  if (family !== undefined && bytes.length !== (family === 4 ? 4 : 16)) {
    throw invalid(flag, text, `it is not an address of IP version ${family}`);
  }
  return text;
}

function checkedMac(text: string): string {
  parseMac(text);
  return text.toLowerCase();
}

/** `NAME:ADDRESS`, also with `=`. */
function extraHost(text: string): string {
  const at = text.search(/[:=]/);
  const name = text.slice(0, Math.max(0, at));
  const value = text.slice(at + 1).replace(/^\[(.*)\]$/, "$1");
  if (name === "" || /\s/.test(name)) throw invalid("--add-host", text, "it is NAME:ADDRESS");
  if (value !== "host-gateway") address("--add-host", value);
  return `${name}:${value}`;
}
