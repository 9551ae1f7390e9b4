/**
 * Asking a token service, which may be another host than the registry and is as little trusted.
 *
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 * @module
 */

import { CtrError } from "../errors.ts";
import { basicAuthorization, type Challenge, type Credentials, tokenUrl } from "./auth.ts";
import type { AuthorizerOptions } from "./authorizer.ts";
import { exchange } from "./exchange.ts";
import { isLoopback } from "./reach.ts";
import { redact, refusal } from "./registry_error.ts";

/** A token and what comes with it is a few kilobytes. */
const MAX_ANSWER = 1 << 20;

/**
 * Get what a challenge sends us for.
 *
 * @returns the answer, parsed
 * @throws {CtrError} `data_loss` for a service that cannot be asked or answers nonsense;
 * `deadline_exceeded`
 */
export async function requestToken(
  challenge: Challenge,
  scopes: readonly string[],
  credentials: Credentials | undefined,
  options: AuthorizerOptions,
): Promise<unknown> {
  const { base, operation, registry, subject, timeoutMs = 60_000 } = options;
  const fail = (code: "data_loss" | "deadline_exceeded", of: string, reason: string): CtrError =>
    new CtrError({ code, operation, subject: of, reason });
  const realm = challenge.parameters["realm"] ?? "";
  if (!URL.canParse(realm)) throw fail("data_loss", registry, "it names no token service");
  const url = tokenUrl(challenge, scopes);
  // A token service may be another host, but a password goes to it only through TLS, or where the
  // registry itself is on this machine (CVE-2019-10214).
  const safe = url.protocol === "https:" || (base.protocol === "http:" && isLoopback(url.host));
  if (!safe) throw fail("data_loss", redact(url), "the token service has no TLS");
  url.username = url.password = "";
  const late = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? late : AbortSignal.any([options.signal, late]);
  let response: Response;
  let text: string | undefined;
  try {
    response = await ask(url, challenge, credentials, options, signal);
    text = await textOf(response);
  } catch (error) {
    if (!late.aborted) throw error;
    const reason = `the token service does not answer within ${timeoutMs} ms`;
    throw fail("deadline_exceeded", redact(url), reason);
  }
  if (!response.ok) {
    const request = { method: "GET", url, subject, registry, operation };
    throw refusal(response.status, request, text ?? "", response.headers.get("retry-after"));
  }
  try {
    if (text !== undefined) return JSON.parse(text);
  } catch {
    // said below
  }
  throw fail(
    "data_loss",
    redact(url),
    "the token service answers with something else than a token",
  );
}

async function ask(
  url: URL,
  challenge: Challenge,
  credentials: Credentials | undefined,
  options: AuthorizerOptions,
  signal: AbortSignal,
): Promise<Response> {
  const init: RequestInit = { redirect: "manual", signal };
  if (credentials?.identityToken === undefined) {
    if (options.operation === "log in to") {
      url.searchParams.set("offline_token", "true");
      url.searchParams.set("client_id", "ctr");
    }
    if (credentials !== undefined) {
      url.searchParams.set("account", credentials.username);
      init.headers = { Authorization: basicAuthorization(credentials) };
    }
    return await exchange(url, init, options);
  }
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: credentials.identityToken,
    client_id: "ctr",
    service: challenge.parameters["service"] ?? "",
    scope: url.searchParams.getAll("scope").join(" "),
  });
  url.search = "";
  return await exchange(url, { ...init, method: "POST", body: form }, options);
}

/** The body; undefined when it is too long to be an answer. */
async function textOf(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    if ((length += chunk.length) > MAX_ANSWER) return undefined;
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
