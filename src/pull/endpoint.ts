/**
 * From a registry's name to the servers that answer for it.
 *
 * @module
 */

import { Authorizer } from "./authorizer.ts";
import type { Capability, HostEntry } from "./hosts.ts";
import { isLoopback } from "./reach.ts";
import { Transport } from "./transport.ts";
import type { RegistryAccess } from "./types.ts";

/** What is done there. */
export interface Purpose {
  readonly subject: string;
  readonly operation: string;
  readonly scopes: readonly string[];
}

/** A server that has another one behind it is not asked for long. */
const MIRROR_ATTEMPTS = 2;

/** The servers that a registry may be asked at, best first; the last one is its own. */
export async function openTransports(
  registry: string,
  access: RegistryAccess,
  what: Purpose,
  capability?: Capability,
): Promise<readonly [Transport, ...Transport[]]> {
  const { credentials, hostsDirs = [], insecure, proxy, retryMs, signal, timeoutMs } = access;
  const entries = hostsDirs.length === 0
    ? []
    : await (await import("./hosts.ts")).hostEntries(registry, hostsDirs);
  const able = entries.filter(({ capabilities }) =>
    capability !== undefined && capabilities.includes(capability)
  );
  const asked = able.length === 0 ? [entries.at(-1)] : able;
  const transports = asked.map((entry, index, all) => {
    const base = baseOf(registry, insecure, entry);
    const name = entry?.url === undefined ? registry : base.host;
    const reach = { base, tls: entry?.tls, dialMs: entry?.dialMs, proxy, agents: new Map() };
    const shared = { ...what, ...reach, registry: name, signal };
    return new Transport({
      ...shared,
      authorizer: new Authorizer({ ...shared, credentials }),
      headers: entry?.headers ?? {},
      // A mirror of many registries has to know which one is meant.
      namespace: entry?.url === undefined || base.host === registry ? undefined : registry,
      attempts: index < all.length - 1 ? MIRROR_ATTEMPTS : undefined,
      retryMs,
      timeoutMs,
    });
  });
  return transports as [Transport, ...Transport[]];
}

/** The URL that everything of a registry is below. */
function baseOf(
  registry: string,
  insecure: readonly string[] | undefined,
  entry: HostEntry | undefined,
): URL {
  if (entry?.url !== undefined) {
    const path = entry.url.replace(/\/+$/, "");
    return new URL(entry.overridePath || path.endsWith("/v2") ? `${path}/` : `${path}/v2/`);
  }
  const server = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const plain = entry?.tls === undefined &&
    (isLoopback(server) || insecure?.includes(server) === true);
  return new URL(`${plain ? "http" : "https"}://${server}/v2/`);
}
