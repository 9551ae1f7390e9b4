/**
 * `/etc/hosts` and `/etc/resolv.conf` of containers. Pure.
 *
 * @module
 */

/** Lines of `/etc/hosts`: an address and the names that it has. */
export type HostsEntry = readonly [address: string, ...names: string[]];

/** What every container's begins with, as in Docker. */
const LOCAL: readonly HostsEntry[] = [
  ["127.0.0.1", "localhost"],
  ["::1", "localhost", "ip6-localhost", "ip6-loopback"],
  ["fe00::", "ip6-localnet"],
  ["ff00::", "ip6-mcastprefix"],
  ["ff02::1", "ip6-allnodes"],
  ["ff02::2", "ip6-allrouters"],
];

/** The text of `/etc/hosts`. */
export function hostsFile(entries: readonly HostsEntry[]): string {
  return [...LOCAL, ...entries].map(([address, ...names]) => `${address}\t${names.join(" ")}\n`)
    .join("");
}

/** What `/etc/resolv.conf` says. */
export interface Resolver {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** Read `/etc/resolv.conf`: the last of `search` counts, all of the others do. */
export function parseResolver(text: string): Resolver {
  const nameservers: string[] = [];
  let search: string[] = [];
  const options: string[] = [];
  for (const line of text.split("\n")) {
    const [word, ...rest] = line.replace(/[#;].*/, "").trim().split(/\s+/);
    if (word === "nameserver" && rest.length > 0) nameservers.push(rest[0]!);
    else if (word === "search" || word === "domain") search = rest;
    else if (word === "options") options.push(...rest);
  }
  return { nameservers, search, options };
}

/** The text of `/etc/resolv.conf`. */
export function resolverFile({ nameservers, search, options }: Resolver): string {
  return [
    ...nameservers.map((address) => `nameserver ${address}\n`),
    ...search.length === 0 ? [] : [`search ${search.join(" ")}\n`],
    ...options.length === 0 ? [] : [`options ${options.join(" ")}\n`],
  ].join("");
}

/** Docker's, for a machine that has none, or none that a container can reach. */
const PUBLIC = ["8.8.8.8", "8.8.4.4"];

/** What a container on a network can use of this machine's: a resolver on 127.0.0.1 is not its own. */
export function reachableResolver(host: Resolver): Resolver {
  const nameservers = host.nameservers.filter((address) =>
    !address.startsWith("127.") && address !== "::1"
  );
  return { ...host, nameservers: nameservers.length === 0 ? PUBLIC : nameservers };
}

/** A container's resolver: what its options say, and else the machine's. */
export function containerResolver(
  host: Resolver,
  chosen: {
    readonly dns?: readonly string[];
    readonly dnsSearch?: readonly string[];
    readonly dnsOptions?: readonly string[];
  },
): Resolver {
  const { dns = [], dnsSearch = [], dnsOptions = [] } = chosen;
  return {
    nameservers: dns.length > 0 ? dns : host.nameservers,
    // Docker: a dot means no search at all.
    search: dnsSearch.length > 0 ? dnsSearch.filter((domain) => domain !== ".") : host.search,
    options: dnsOptions.length > 0 ? dnsOptions : host.options,
  };
}
