/**
 * From a registry's name to the server that answers for it.
 *
 * @module
 */

import { Authorizer } from "./authorizer.ts";
import { isLoopback } from "./reach.ts";
import { Transport } from "./transport.ts";
import type { RegistryAccess } from "./types.ts";

/** The URL that everything of a registry is below. */
export function baseOf(registry: string, insecure: readonly string[] | undefined): URL {
  const server = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const plain = isLoopback(server) || insecure?.includes(server) === true;
  return new URL(`${plain ? "http" : "https"}://${server}/v2/`);
}

/** Speak to a registry. */
export function openTransport(
  registry: string,
  access: RegistryAccess,
  what: {
    readonly subject: string;
    readonly operation: string;
    readonly scopes: readonly string[];
  },
): Transport {
  const base = baseOf(registry, access.insecure);
  const { credentials, retryMs, signal, timeoutMs } = access;
  const authorizer = new Authorizer({ ...what, registry, base, credentials, signal });
  return new Transport({ ...what, registry, base, authorizer, signal, retryMs, timeoutMs });
}
