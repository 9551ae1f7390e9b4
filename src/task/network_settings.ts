/**
 * What `inspect` shows of a container's networks.
 *
 * @module
 */

import { type ContainerRecord, networksOf, type PortRecord } from "../state/mod.ts";
import type { Engine } from "./engine.ts";

/** Docker's `NetworkSettings`. */
export async function networkSettings(
  engine: Engine,
  { id, config, hostConfig }: ContainerRecord,
): Promise<Record<string, unknown>> {
  const { networkMode, networks: attachments } = hostConfig;
  const none = { Ports: {}, Networks: { [networkMode]: {} } };
  if (attachments === undefined) return none;
  const table = await networksOf(engine.state);
  const endpoints = table.endpoints({ container: id });
  const known = table.list();
  const settings = attachments.map((attachment) => {
    const network = known.find(({ name, id }) =>
      name === attachment.network || id.startsWith(attachment.network) ||
      (attachment.network === "default" && name === "bridge")
    );
    const endpoint = endpoints.find((one) => one.network === network?.id);
    const subnet = (six: boolean) =>
      network?.subnets.find(({ subnet }) => subnet.includes(":") === six);
    const part = (six: boolean) => ({
      address: (six ? endpoint?.ipv6 : endpoint?.ipv4) ?? "",
      gateway: endpoint === undefined ? "" : subnet(six)?.gateway ?? "",
      bits: endpoint === undefined ? 0 : Number(subnet(six)?.subnet.split("/")[1] ?? 0),
    });
    const [four, six] = [part(false), part(true)];
    const { ipv4, ipv6, aliases } = attachment;
    return [network?.name ?? attachment.network, {
      IPAMConfig: ipv4 === undefined && ipv6 === undefined ? null : {
        ...ipv4 === undefined ? {} : { IPv4Address: ipv4 },
        ...ipv6 === undefined ? {} : { IPv6Address: ipv6 },
      },
      Links: null,
      Aliases: aliases ?? null,
      MacAddress: endpoint?.mac ?? "",
      NetworkID: network?.id ?? "",
      EndpointID: endpoint?.id ?? "",
      Gateway: four.gateway,
      IPAddress: four.address,
      IPPrefixLen: four.bits,
      IPv6Gateway: six.gateway,
      GlobalIPv6Address: six.address,
      GlobalIPv6PrefixLen: six.bits,
      DNSNames: endpoint?.names ?? null,
    }] as const;
  });
  const [first] = settings;
  return {
    Ports: endpoints.length === 0 ? {} : portsOf(table.ports(id), config.exposedPorts ?? []),
    ...networkMode === "bridge" && first !== undefined
      ? {
        Gateway: first[1].Gateway,
        IPAddress: first[1].IPAddress,
        IPPrefixLen: first[1].IPPrefixLen,
        MacAddress: first[1].MacAddress,
      }
      : {},
    Networks: Object.fromEntries(settings),
  };
}

function portsOf(ports: readonly PortRecord[], exposed: readonly string[]) {
  const found: Record<string, { HostIp: string; HostPort: string }[] | null> = Object.fromEntries(
    exposed.map((port) => [port, null]),
  );
  for (const { port, protocol, hostAddress, hostPort } of ports) {
    (found[`${port}/${protocol}`] ??= []).push({ HostIp: hostAddress, HostPort: String(hostPort) });
  }
  return found;
}

/** `0.0.0.0:8080->80/tcp, 443/tcp`. */
export function portsText(ports: readonly PortRecord[], exposed: readonly string[]): string {
  const published = ports.map(({ port, protocol, hostAddress, hostPort }) => {
    const host = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress;
    return `${host}:${hostPort}->${port}/${protocol}`;
  });
  const others = exposed.filter((text) =>
    !ports.some(({ port, protocol }) => `${port}/${protocol}` === text)
  );
  return [...others, ...published].join(", ");
}
