/**
 * `fetch` over connections of our own.
 *
 * @module
 */

import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Dial, dial, proxyAuthorization } from "./dial.ts";

/** Connections are kept for the next request by who asks for them. */
export type Agents = Map<string, Agent>;

/** Send a request; redirects are the caller's. */
export async function socketFetch(
  url: URL,
  { body, headers, method, signal }: RequestInit,
  how: Dial & { readonly agents: Agents },
): Promise<Response> {
  const relayed = how.proxy !== undefined && url.protocol === "http:";
  const authorization = relayed ? proxyAuthorization(how.proxy!) : undefined;
  const sent = request({
    method: method ?? "GET",
    agent: agentOf(url, how),
    host: url.hostname,
    path: relayed ? url.href.replace(/#.*/, "") : `${url.pathname}${url.search}`,
    headers: {
      host: url.host,
      ...Object.fromEntries(new Headers(headers).entries()),
      ...body instanceof Uint8Array ? { "content-length": String(body.length) } : {},
      ...authorization === undefined ? {} : { "proxy-authorization": authorization },
    },
    ...signal ? { signal } : {},
  });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  answered.catch(() => {}); // told below
  let sending = false;
  if (body instanceof ReadableStream) {
    sending = true;
    // A failure is an error of the request too. An answer may come before all is sent.
    pipeline(Readable.fromWeb(body as never), sent).catch(() => {}).finally(() => sending = false);
  } else if (body instanceof URLSearchParams) {
    sent.setHeader("content-type", "application/x-www-form-urlencoded");
    sent.end(body.toString());
  } else sent.end(body ?? undefined);
  const [answer] = await answered;
  const found = new Headers();
  for (let at = 0; at < answer.rawHeaders.length; at += 2) {
    found.append(answer.rawHeaders[at]!, answer.rawHeaders[at + 1]!);
  }
  const status = answer.statusCode!;
  if (sending) answer.on("close", () => sent.destroy()); // it wants no more
  const empty = method === "HEAD" || status === 204 || status === 304;
  if (empty) answer.resume();
  return new Response(empty ? null : Readable.toWeb(answer) as unknown as ReadableStream, {
    status,
    headers: found,
  });
}

function agentOf(url: URL, how: Dial & { readonly agents: Agents }): Agent {
  const key = `${url.origin} ${how.proxy?.href ?? ""} ${how.tls === undefined ? "" : "own"}`;
  let agent = how.agents.get(key);
  if (agent === undefined) {
    agent = new DialingAgent(url, how);
    how.agents.set(key, agent);
  }
  return agent;
}

/** Connections to one server. */
class DialingAgent extends Agent {
  readonly #url: URL;
  readonly #how: Dial;

  constructor(url: URL, how: Dial) {
    super({ keepAlive: true });
    this.#url = url;
    this.#how = how;
  }

  override createConnection(
    _options: unknown,
    done?: (error: Error | null, socket: Socket) => void,
  ): undefined {
    dial(this.#url, this.#how).then(
      (socket) => done!(null, socket),
      (error: Error) => done!(error, undefined as unknown as Socket),
    );
  }
}
