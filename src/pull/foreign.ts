/**
 * Layers that are somewhere else than in the registry, at URLs that the manifest names. Whoever wrote
 * the manifest chose them, so nobody there learns who we are (CVE-2020-15157).
 *
 * @module
 */

import { Authorizer } from "./authorizer.ts";
import { Transport, type TransportOptions } from "./transport.ts";

/** Where a blob may be besides; without TLS only where the registry has none either. */
export function foreignServers(
  urls: readonly string[],
  { base, operation, proxy, retryMs, signal, subject, timeoutMs }: TransportOptions,
): { readonly server: Transport; readonly url: URL }[] {
  return urls.flatMap((text) => {
    if (!URL.canParse(text)) return [];
    const url = new URL(text);
    if (url.protocol !== "https:" && url.protocol !== base.protocol) return [];
    if (url.origin === base.origin) return []; // the registry has just said no
    url.username = url.password = "";
    const reach = { base: url, proxy, agents: new Map() };
    const shared = { ...reach, registry: url.host, subject, operation, scopes: [], signal };
    const authorizer = new Authorizer(shared);
    return [{ server: new Transport({ ...shared, authorizer, retryMs, timeoutMs }), url }];
  });
}
