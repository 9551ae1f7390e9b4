/**
 * The names of a network's containers, in each other's `/etc/hosts`.
 *
 * The file is the one that is mounted in the container, so it is changed in place; what the container
 * itself wrote to it stays.
 *
 * @module
 */

import { O } from "../linux/mod.ts";
import { call, close, exists, open, readText, writeAll } from "../program/mod.ts";
import type { Directories, EndpointRecord, NetworkTable } from "../state/mod.ts";
import { DEFAULT_NETWORK } from "./create.ts";

const [BEGIN, END] = ["# Containers of the same networks, by ctr:\n", "# End of containers\n"];
/** A container may have written anything. */
const LIMIT = 1 << 20;

/** The text of `/etc/hosts` with other lines about containers than before. Pure. */
export function withPeers(text: string, lines: readonly string[]): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  const rest = begin < 0 || end < 0 ? text : text.slice(0, begin) + text.slice(end + END.length);
  if (lines.length === 0) return rest;
  const whole = rest === "" || rest.endsWith("\n") ? rest : `${rest}\n`;
  return whole + BEGIN + lines.map((line) => `${line}\n`).join("") + END;
}

/** What `/etc/hosts` says of containers. Pure. */
export function peerLines(endpoints: readonly EndpointRecord[]): string[] {
  return endpoints.flatMap(({ ipv4, ipv6, names }) =>
    [ipv4, ipv6].filter((address) => address !== undefined)
      .map((address) => `${address}\t${[...new Set(names)].join(" ")}`)
  );
}

/**
 * Bring the files of all containers of these networks up to date, and of some more. The caller has a
 * transaction open, so nobody else does so meanwhile.
 *
 * On the default network containers do not know each other by name, as in Docker.
 */
export function updatePeerNames(
  { data }: Directories,
  table: NetworkTable,
  networks: readonly string[],
  more: readonly string[] = [],
): void {
  const named = new Set(
    table.list().filter(({ name }) => name !== DEFAULT_NETWORK).map(({ id }) => id),
  );
  const members = networks.filter((id) => named.has(id))
    .flatMap((network) => table.endpoints({ network })).map(({ container }) => container);
  for (const container of new Set([...members, ...more])) {
    const path = `${data}/containers/${container}/hosts`;
    if (!exists(path)) continue;
    const own = table.endpoints({ container }).filter(({ network }) => named.has(network));
    rewrite(path, peerLines(own.flatMap(({ network }) => table.endpoints({ network }))));
  }
}

/** In place; who reads meanwhile sees all of what stays. */
function rewrite(path: string, lines: readonly string[]): void {
  let text: string;
  try {
    text = readText(path, LIMIT);
  } catch {
    return; // the container made it something that is no such file any more
  }
  const changed = withPeers(text, lines);
  if (changed === text) return;
  const bytes = new TextEncoder().encode(changed);
  const fd = open(path, O.O_WRONLY);
  try {
    writeAll(fd, bytes, path);
    call("ftruncate", path, fd, bytes.length);
  } finally {
    close(fd);
  }
}
