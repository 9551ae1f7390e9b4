/**
 * Whether a container's start has to do with networks at all.
 *
 * @module
 */

import type { ContainerRecord } from "../state/mod.ts";
import type { StartingNetwork } from "./container_network.ts";
import type { Engine } from "./engine.ts";

/** Whether something has to be done for a container's network, beside a namespace of its own. */
export function isNetworked({ hostConfig }: ContainerRecord): boolean {
  const { networkMode, networks, extraHosts, dns, dnsSearch, dnsOptions } = hostConfig;
  return networks !== undefined || networkMode.startsWith("container:") ||
    (extraHosts ?? dns ?? dnsSearch ?? dnsOptions) !== undefined;
}

/** Give a container what it needs of its networks; nothing for one that needs nothing. */
export async function startingNetwork(
  engine: Engine,
  record: ContainerRecord,
): Promise<StartingNetwork | undefined> {
  if (!isNetworked(record)) return undefined;
  return await (await import("./container_network.ts")).beginNetwork(engine, record);
}

/**
 * Take back what a container has of its networks.
 *
 * @param record without a host configuration: it is not known whether it had any
 */
export async function releaseNetwork(
  engine: Engine,
  record: Pick<ContainerRecord, "id"> & Partial<Pick<ContainerRecord, "hostConfig">>,
): Promise<void> {
  if (record.hostConfig !== undefined && record.hostConfig.networks === undefined) return;
  (await engine.networks()).release(record.id);
}
