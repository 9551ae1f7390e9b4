/**
 * The filter of others: where Docker, ufw or a person drops all that is forwarded, the table `filter`
 * of iptables-nft is told to leave our links alone. What is dropped and what is not says our own table.
 *
 * @module
 */

import { attributeMap, numberOf } from "./attributes.ts";
import { counter, linkBegins, verdict } from "./nf_expressions.ts";
import { batch, getChain, getRules, newRule, NFPROTO, type Table } from "./nf_tables.ts";
import type { Message } from "./netlink.ts";
import type { NetlinkSocket } from "./socket.ts";

const ABOUT = { operation: "read packet filter", subject: "filter" } as const;
const [CHAIN_POLICY, RULE_EXPRESSIONS] = [5, 4];
const NF_DROP = 0;
/** Where Docker leaves room for others' rules, which come before its own. */
const DOCKER_USER = "DOCKER-USER";

/** What rules say of a link: all of ours begin alike, but for those that a person has named. */
function wordOf(link: string): string {
  return link.startsWith("ctr") ? "ctr" : `${link}\0`;
}

/** Let packets of a link through, in both IP versions, unless they are already. */
export function openOtherFilters(netfilter: NetlinkSocket, link: string): void {
  for (const family of [NFPROTO.IPV4, NFPROTO.IPV6]) {
    const table: Table = { family, name: "filter" };
    const forward = netfilter.get(getChain(table, "FORWARD"), ABOUT);
    if (forward === undefined || !drops(forward)) continue;
    const user = netfilter.get(getChain(table, DOCKER_USER), ABOUT);
    openChain(netfilter, table, user === undefined ? "FORWARD" : DOCKER_USER, wordOf(link));
  }
}

function drops({ body }: Message): boolean {
  const policy = attributeMap(body.subarray(4)).get(CHAIN_POLICY);
  return policy !== undefined && numberOf(policy, { bigEndian: true }) === NF_DROP;
}

function openChain(netfilter: NetlinkSocket, table: Table, chain: string, word: string): void {
  const name = new TextEncoder().encode(word);
  const known = netfilter.dump(getRules(table, chain), ABOUT).map(({ body }) =>
    attributeMap(body.subarray(4)).get(RULE_EXPRESSIONS) ?? new Uint8Array()
  ).filter((expressions) => compares(expressions, name));
  if (known.length >= 2) return;
  netfilter.ask(
    batch((["in", "out"] as const).map((direction) =>
      newRule(
        table,
        chain,
        [...linkBegins(direction, word), ...counter(), ...verdict("accept")],
        { first: true },
      )
    )),
    { operation: "open packet filter", subject: chain },
  );
}

/** Whether a rule compares something with exactly these bytes: they are an attribute's value. */
function compares(expressions: Uint8Array, bytes: Uint8Array): boolean {
  const size = bytes.length + 4;
  for (let at = 0; at + size <= expressions.length; at += 4) {
    if (numberOf(expressions.subarray(at, at + 2)) !== size) continue;
    if (bytes.every((byte, index) => expressions[at + 4 + index] === byte)) return true;
  }
  return false;
}
