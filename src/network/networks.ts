/**
 * Networks, in the store and in the kernel.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { close } from "../program/mod.ts";
import type { EndpointRecord, NetworkRecord, NetworkTable, State } from "../state/mod.ts";
import { connectToBridge, linkIndex, removeBridge } from "./bridge.ts";
import { formatMac } from "./addresses.ts";
import { enableVersion6, prepareNamespace, removeLink, setUpLinks } from "./container_links.ts";
import { DEFAULT_NETWORK, newNetwork } from "./create.ts";
import { Firewall } from "./firewall.ts";
import { AddressInUse, allocateAddresses, macFor } from "./ipam.ts";
import { updatePeerNames } from "./peer_names.ts";
import { allocatePorts, PortInUse } from "./ports.ts";
import { destinationOf, getRoutes } from "./rtnetlink.ts";
import { namespaceOf, NETLINK, NetlinkSocket, socketIn } from "./socket.ts";
import type { Allocation, ContainerNetworks, Networks } from "./types.ts";

/** What the networks of a store need. */
export interface NetworksOptions {
  readonly state: Pick<State, "dirs" | "transaction">;
  readonly table: NetworkTable;
  /** Whether a container runs, or somebody is about to start it. */
  readonly isAlive: (container: string) => Promise<boolean>;
}

/** The networks of a store. Nothing is opened before it is needed. */
export function openNetworks({ state, table, isAlive }: NetworksOptions): Networks {
  const firewall = new Firewall(tableName(state.dirs.data));
  let socket: NetlinkSocket | undefined;
  const route = () => socket ??= new NetlinkSocket(NETLINK.ROUTE);

  const create = (options: Parameters<typeof newNetwork>[1]): NetworkRecord =>
    state.transaction(() => {
      const routes = route().dump(getRoutes(), { operation: "list", subject: "routes" });
      const record = newNetwork(table, options, {
        used: routes.flatMap((message) => destinationOf(message) ?? []),
        isLink: (name) => linkIndex(route(), name) !== undefined,
      });
      table.insert(record);
      return record;
    });

  const find = (reference: string, operation: string): NetworkRecord => {
    const isDefault = reference === DEFAULT_NETWORK || reference === "default";
    if (!isDefault) return table.resolve(reference, operation);
    const found = table.list().find(({ name }) => name === DEFAULT_NETWORK);
    return found ?? create({ name: DEFAULT_NETWORK });
  };

  const release = (container: string): boolean => {
    // First the rules: whoever is killed in between leaves rows, which say what else is to be removed.
    firewall.remove({ ports: table.ports(container) });
    const left = table.endpoints({ container }).map(({ network }) => network);
    if (left.length === 0) return table.release(container);
    return state.transaction(() => {
      const released = table.release(container);
      updatePeerNames(state.dirs, table, left);
      return released;
    });
  };

  const allocateOnce = (container: ContainerNetworks): Allocation =>
    state.transaction(() => {
      const links = new Set(table.endpoints({ container: container.id }).map(({ link }) => link));
      const joined = container.attachments.map((attachment) => {
        let number = 0;
        while (links.has(`eth${number}`)) number++;
        links.add(`eth${number}`);
        const network = find(attachment.network, "connect to network");
        const addresses = allocateAddresses(table, network, attachment);
        const endpoint: EndpointRecord = {
          id: formatMac(crypto.getRandomValues(new Uint8Array(32))).replaceAll(":", ""),
          network: network.id,
          container: container.id,
          ...addresses,
          mac: attachment.mac ?? macFor(addresses),
          link: `eth${number}`,
          names: [container.name, ...attachment.aliases ?? [], container.id.slice(0, 12)],
        };
        table.insertEndpoint(endpoint);
        return { network, endpoint };
      });
      const outside = joined.find(({ network }) => !network.internal);
      const ports = outside === undefined
        ? []
        : allocatePorts(table, outside.endpoint, container.ports);
      return { joined, ports };
    });

  /** Take back what those have who are gone. Returns whether any was. */
  const sweep = async (holders: readonly string[]): Promise<boolean> => {
    let any = false;
    for (const holder of new Set(holders)) {
      if (await isAlive(holder)) continue;
      release(holder);
      any = true;
    }
    return any;
  };

  const endpoints = async (network: NetworkRecord): Promise<EndpointRecord[]> => {
    await sweep(table.endpoints({ network: network.id }).map(({ container }) => container));
    return table.endpoints({ network: network.id });
  };

  return {
    allocate: async (container, { more = false } = {}) => {
      if (!more) release(container.id);
      while (true) {
        try {
          return allocateOnce(container);
        } catch (error) {
          const inUse = error instanceof AddressInUse || error instanceof PortInUse;
          if (!inUse || !await sweep(error.holders)) throw error;
        }
      }
    },
    connect: ({ joined, ports }, pid) => {
      const namespace = namespaceOf(pid);
      try {
        firewall.add(
          { networks: joined.map(({ network }) => network), ports },
          table,
          state.transaction,
        );
        firewall.openOthers(joined.map(({ network }) => network));
        prepareNamespace(namespace);
        for (const one of joined) {
          const publishes = ports.some((port) => port.network === one.network.id);
          connectToBridge(route(), { ...one, namespaceFd: namespace, publishes });
        }
        enableVersion6(namespace, joined);
        using inside = socketIn(namespace, NETLINK.ROUTE);
        setUpLinks(inside, joined);
        const ids = joined.map(({ network }) => network.id);
        state.transaction(() => updatePeerNames(state.dirs, table, ids));
      } finally {
        close(namespace);
      }
    },
    disconnect: (container, network, pid) => {
      const endpoint = table.endpoints({ container }).find((one) => one.network === network.id);
      if (endpoint === undefined) return;
      const ports = table.ports(container).filter((port) => port.network === network.id);
      firewall.remove({ ports });
      if (pid !== undefined) removeLink(pid, endpoint.link);
      state.transaction(() => {
        table.disconnect({ network: network.id, container });
        updatePeerNames(state.dirs, table, [network.id], [container]);
      });
    },
    release,
    allocationOf: (container) => ({
      joined: table.endpoints({ container }).flatMap((endpoint) => {
        const network = table.get(endpoint.network);
        return network === undefined ? [] : [{ network, endpoint }];
      }),
      ports: table.ports(container),
    }),
    create: (options) => {
      find(DEFAULT_NETWORK, "create network"); // its addresses come first
      return create(options);
    },
    list: () => {
      find(DEFAULT_NETWORK, "list networks");
      return table.list();
    },
    resolve: find,
    endpoints,
    remove: async (network) => {
      const [first] = await endpoints(network);
      if (first !== undefined) {
        throw new CtrError({
          code: "failed_precondition",
          operation: "remove network",
          subject: network.name,
          reason: `network has active endpoints: ${first.names[0]}`,
        });
      }
      state.transaction(() => {
        if (!table.remove(network.id)) return;
        firewall.remove({ networks: [network] });
        removeBridge(route(), network);
        if (table.list().length === 0) firewall.removeAll();
      });
    },
    close: () => {
      socket?.[Symbol.dispose]();
      socket = undefined;
      firewall[Symbol.dispose]();
    },
  };
}

/** One table for each store: those that another store's command makes are not its own to change. */
function tableName(data: string): string {
  if (data === "/var/lib/ctr") return "ctr";
  let hash = 0x811c9dc5; // FNV-1a
  for (const byte of new TextEncoder().encode(data)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return `ctr-${hash.toString(16).padStart(8, "0")}`;
}
