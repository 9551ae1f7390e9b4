/**
 * `fetch` with certificates of its own.
 *
 * @module
 */

import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Tls } from "./exchange.ts";

/** Send a request; redirects are the caller's. */
export async function tlsFetch(
  url: URL,
  { body, headers, method, signal }: RequestInit,
  { ca, cert, key, skipVerify }: Tls,
): Promise<Response> {
  const sent = request(url, {
    method: method ?? "GET",
    headers: {
      ...Object.fromEntries(new Headers(headers).entries()),
      ...body instanceof Uint8Array ? { "content-length": String(body.length) } : {},
    },
    ...ca.length === 0 ? {} : { ca: [...ca] },
    ...cert === undefined ? {} : { cert, key },
    rejectUnauthorized: !skipVerify,
    ...signal ? { signal } : {},
  });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  answered.catch(() => {}); // told below
  if (body instanceof ReadableStream) {
    await pipeline(Readable.fromWeb(body as never), sent);
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
  const empty = method === "HEAD" || status === 204 || status === 304;
  if (empty) answer.resume();
  return new Response(empty ? null : Readable.toWeb(answer) as unknown as ReadableStream, {
    status,
    headers: found,
  });
}
