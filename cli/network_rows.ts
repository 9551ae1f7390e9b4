/**
 * Networks as lists and as `inspect` show them.
 *
 * @module
 */

import type { EndpointRecord, NetworkRecord } from "../src/state/mod.ts";
import type { Columns, Row } from "./format.ts";
import { humanMoment } from "./humanize.ts";

/** The columns of `network ls`. */
export const NETWORK_COLUMNS: Columns = {
  ID: "NETWORK ID",
  Name: "NAME",
  Driver: "DRIVER",
  Scope: "SCOPE",
};

/** The two that are none: a container's namespace is alone, or the machine's. */
const PREDEFINED = ["host", "none"].map((name): NetworkRecord => ({
  id: [...name].map((letter) => letter.charCodeAt(0).toString(16)).join("").padEnd(64, "0"),
  name,
  driver: name === "none" ? "null" : name,
  createdAt: 0,
  subnets: [],
  internal: false,
  options: {},
  labels: {},
  link: "",
}));

/** With those that every machine has, by name. */
export function withPredefined(networks: readonly NetworkRecord[]): NetworkRecord[] {
  return [...PREDEFINED, ...networks].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** One of those that every machine has. */
export function predefined(reference: string): NetworkRecord | undefined {
  return PREDEFINED.find(({ name, id }) => name === reference || id === reference);
}

const isIpv6 = ({ subnets }: NetworkRecord) => subnets.some(({ subnet }) => subnet.includes(":"));

/** One line of `network ls`. */
export function networkRow(network: NetworkRecord, whole: boolean): Row {
  const { id, name, driver, createdAt, labels } = network;
  return {
    CreatedAt: humanMoment(createdAt),
    Driver: driver,
    ID: whole ? id : id.slice(0, 12),
    IPv4: "true",
    IPv6: String(isIpv6(network)),
    Internal: String(network.internal),
    Labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(","),
    Name: name,
    Scope: "local",
    Label: (key: unknown) => labels[String(key)] ?? "",
  };
}

/** What `network inspect` shows. */
export function networkDetails(
  network: NetworkRecord,
  endpoints: readonly EndpointRecord[],
): Record<string, unknown> {
  const prefixed = (address: string | undefined) => {
    if (address === undefined) return "";
    const six = address.includes(":");
    const found = network.subnets.find(({ subnet }) => subnet.includes(":") === six);
    return `${address}/${found?.subnet.split("/")[1]}`;
  };
  return {
    Name: network.name,
    Id: network.id,
    Created: new Date(network.createdAt).toISOString(),
    Scope: "local",
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: isIpv6(network),
    IPAM: {
      Driver: "default",
      Options: {},
      Config: network.subnets.map(({ subnet, gateway, ipRange, auxAddresses }) => ({
        Subnet: subnet,
        ...ipRange === undefined ? {} : { IPRange: ipRange },
        ...gateway === "" ? {} : { Gateway: gateway },
        ...auxAddresses === undefined ? {} : { AuxiliaryAddresses: auxAddresses },
      })),
    },
    Internal: network.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(endpoints.map((endpoint) => [endpoint.container, {
      Name: endpoint.names[0],
      EndpointID: endpoint.id,
      MacAddress: endpoint.mac,
      IPv4Address: prefixed(endpoint.ipv4),
      IPv6Address: prefixed(endpoint.ipv6),
    }])),
    Options: network.options,
    Labels: network.labels,
  };
}
