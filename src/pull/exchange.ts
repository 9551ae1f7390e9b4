/**
 * One request and its answer. It is the runtime's `fetch` where that will do; it has no portable way
 * to speak of certificates, proxies and the time that a connection may take.
 *
 * @module
 */

import type { Agent } from "node:http";
import type { ProxySettings } from "./reach.ts";

/** Whom to trust, and who we are. */
export interface Tls {
  /** PEM; empty for those that the system trusts. */
  readonly ca: readonly string[];
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly skipVerify: boolean;
}

/** How a server, and whom it sends us to, is reached. */
export interface Reach {
  readonly base: URL;
  /** Counts only for the server that it was written for. */
  readonly tls?: Tls | undefined;
  /** How long a connection may take. */
  readonly dialMs?: number | undefined;
  /** Undefined for what the runtime's `fetch` does by itself. */
  readonly proxy?: ProxySettings | undefined;
  /** Connections that are kept. */
  readonly agents?: Map<string, Agent> | undefined;
}

/** As Docker and containerd have it. */
const DIAL_MS = 30_000;

/** Send a request. */
export async function exchange(url: URL, init: RequestInit, reach: Reach): Promise<Response> {
  const { agents = new Map(), base, dialMs } = reach;
  const tls = url.origin === base.origin && url.protocol === "https:" ? reach.tls : undefined;
  if (tls === undefined && dialMs === undefined && reach.proxy === undefined) {
    return await fetch(url, init);
  }
  const proxy = reach.proxy && (await import("./proxy.ts")).proxyOf(url, reach.proxy);
  const { socketFetch } = await import("./socket_fetch.ts");
  return await socketFetch(url, init, { agents, tls, proxy, dialMs: dialMs ?? DIAL_MS });
}
