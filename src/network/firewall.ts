/**
 * The table of nf_tables of one store, in the kernel.
 *
 * @module
 */

import { ERRNO } from "../linux/mod.ts";
import type { NetworkRecord, NetworkTable, PortRecord } from "../state/mod.ts";
import { parseAddress } from "./addresses.ts";
import { batch, deleteTable, getTable, NFPROTO, type Table } from "./nf_tables.ts";
import { NLM_F, type Request } from "./netlink.ts";
import { openOtherFilters } from "./other_filters.ts";
import { PROTOCOL } from "./ports.ts";
import { addRules, type BridgeRules, type PortRule, removeRules, staticRules } from "./ruleset.ts";
import { NETLINK, NetlinkSocket, refused } from "./socket.ts";

const ABOUT = { operation: "set up packet filter", subject: "nf_tables" } as const;

/** What is to be in the table. */
export interface Rules {
  readonly networks?: readonly NetworkRecord[];
  readonly ports?: readonly PortRecord[];
}

/** A network as the rules see it, if it has a bridge. */
function bridgeRules({ driver, link, internal, options }: NetworkRecord): BridgeRules[] {
  if (driver !== "bridge" && driver !== "overlay") return [];
  return [{
    bridge: link,
    internal,
    within: options["com.docker.network.bridge.enable_icc"] !== "false",
    masqueraded: !internal &&
      options["com.docker.network.bridge.enable_ip_masquerade"] !== "false",
  }];
}

function portRule(port: PortRecord): PortRule {
  return {
    protocol: PROTOCOL[port.protocol],
    hostAddress: parseAddress(port.hostAddress),
    hostPort: port.hostPort,
    address: parseAddress(port.address),
    port: port.port,
  };
}

function elements({ networks = [], ports = [] }: Rules) {
  return { bridges: networks.flatMap(bridgeRules), ports: ports.map(portRule) };
}

/** The table, spoken to when first needed. */
export class Firewall implements Disposable {
  readonly #table: Table;
  #socket: NetlinkSocket | undefined;

  /** @param name of the table: one for each store */
  constructor(name: string) {
    this.#table = { family: NFPROTO.INET, name };
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }

  /**
   * Add networks and ports, at once. Should somebody have flushed the table, or nobody made it yet, it
   * is made with all that the store knows of.
   */
  add(rules: Rules, table: NetworkTable, transaction: <T>(work: () => T) => T): void {
    const { bridges, ports } = elements(rules);
    const errno = this.#try(addRules(this.#table, { bridges, ports }));
    if (errno === 0) return;
    if (errno === ERRNO.ENOENT) {
      // Nobody else of this store makes it meanwhile.
      transaction(() => {
        const all = elements({ networks: table.list(), ports: table.ports() });
        const exists = this.#netfilter.get(getTable(this.#table), ABOUT) !== undefined;
        this.#do([
          ...exists ? [] : staticRules(this.#table),
          ...addRules(this.#table, exists ? { bridges, ports } : all),
        ]);
      });
      return;
    }
    // The store gave the ports to nobody else: what is in their place is a leftover.
    this.#removeOneByOne({ ports });
    this.#do(addRules(this.#table, { bridges, ports }));
  }

  /** See to it that nobody else stops what our rules let through. */
  openOthers(networks: readonly NetworkRecord[]): void {
    for (const { link } of networks) openOtherFilters(this.#netfilter, link);
  }

  /** Remove what is there of these. */
  remove(rules: Rules): void {
    const { bridges, ports } = elements(rules);
    if (bridges.length + ports.length === 0) return;
    if (this.#try(removeRules(this.#table, { bridges, ports })) === 0) return;
    this.#removeOneByOne({ bridges, ports });
  }

  #removeOneByOne({ bridges = [], ports = [] }: Parameters<typeof removeRules>[1]): void {
    const parts = [
      ...bridges.map((bridge) => ({ bridges: [bridge] })),
      ...ports.map((port) => ({ ports: [port] })),
    ];
    for (const part of parts) {
      for (const request of removeRules(this.#table, part)) this.#try([request]);
    }
  }

  /** Remove the table. */
  removeAll(): void {
    this.#try([deleteTable(this.#table)]);
  }

  get #netfilter(): NetlinkSocket {
    return this.#socket ??= new NetlinkSocket(NETLINK.NETFILTER);
  }

  /** All or nothing. Returns the first error. */
  #try(requests: readonly Request[]): number {
    const verdicts = this.#netfilter.tell(batch(requests), ABOUT);
    return verdicts.values().find(({ errno }) => errno !== 0)?.errno ?? 0;
  }

  #do(requests: readonly Request[]): void {
    // To name what fails is worth that all of them answer; they do, in one datagram each.
    const verdicts = this.#netfilter.tell(
      batch(requests.map((request) => ({ ...request, flags: request.flags | NLM_F.ACK }))),
      ABOUT,
    );
    for (const verdict of verdicts.values()) {
      if (verdict.errno !== 0) throw refused(verdict, ABOUT);
    }
  }
}
