/**
 * One request and its answer. It is the runtime's `fetch`, which knows proxies; a server with
 * certificates of its own is spoken to by `node:https`, as `fetch` has no portable way to say so.
 *
 * @module
 */

/** Whom to trust, and who we are. */
export interface Tls {
  /** PEM; empty for those that the system trusts. */
  readonly ca: readonly string[];
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly skipVerify: boolean;
}

/** Send a request. `tls` counts only for the server that it was written for. */
export async function exchange(
  url: URL,
  init: RequestInit,
  { base, tls }: { readonly base: URL; readonly tls?: Tls | undefined },
): Promise<Response> {
  if (tls === undefined || url.origin !== base.origin || url.protocol !== "https:") {
    return await fetch(url, init);
  }
  return await (await import("./tls_fetch.ts")).tlsFetch(url, init, tls);
}
