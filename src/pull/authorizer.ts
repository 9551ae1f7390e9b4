/**
 * What a registry's challenge is answered with, kept as long as it is good.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { basicAuthorization, type Challenge, type Credentials, tokenOf, tokenUrl } from "./auth.ts";
import { exchange, type Reach } from "./exchange.ts";
import { isLoopback } from "./reach.ts";
import { redact, refusal } from "./registry_error.ts";

/** Credentials by registry host as in names, or a function that finds them. */
export type CredentialSource =
  | Readonly<Record<string, Credentials>>
  | ((host: string) => Promise<Credentials | undefined>);

/** The parts of {@link Authorizer}'s surroundings. */
export interface AuthorizerOptions extends Reach {
  readonly registry: string;
  readonly subject: string;
  readonly operation: string;
  readonly credentials?: CredentialSource | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A token is renewed this long before it ends. */
const EARLY_MS = 10_000;
const BASIC = "basic";

/** Answers challenges; many requests that need the same token ask for it once. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #known = new Map<string, { authorization: string; until: number }>();
  readonly #asked = new Map<string, Promise<string | undefined>>();

  /** A token that the service gives instead of the password, when it was asked to by a login. */
  identityToken: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** The `Authorization` for what `scopes` allow, if there is one yet. */
  known(scopes: readonly string[]): string | undefined {
    const found = this.#known.get(bearerKey(scopes)) ?? this.#known.get(BASIC);
    return found === undefined || found.until < Date.now() ? undefined : found.authorization;
  }

  /**
   * Get what a challenge wants.
   *
   * @param refused what the registry did not like
   * @returns false when we have nothing to say
   */
  async answer(
    challenge: Challenge | undefined,
    scopes: readonly string[],
    refused: string | undefined,
  ): Promise<boolean> {
    if (challenge === undefined) return false;
    const known = this.known(scopes);
    if (known !== undefined && known !== refused) return true; // somebody else was faster
    const key = challenge.scheme === "basic" ? BASIC : bearerKey(scopes);
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#ask(challenge, scopes, key).finally(() => this.#asked.delete(key));
      this.#asked.set(key, asked);
    }
    const answer = await asked;
    return answer !== undefined && answer !== refused;
  }

  async #ask(
    challenge: Challenge,
    scopes: readonly string[],
    key: string,
  ): Promise<string | undefined> {
    const { credentials: source, registry } = this.#options;
    const credentials = typeof source === "function" ? await source(registry) : source?.[registry];
    if (challenge.scheme === "basic") {
      if (credentials === undefined || credentials.identityToken !== undefined) return undefined;
      const authorization = basicAuthorization(credentials);
      this.#known.set(key, { authorization, until: Infinity });
      return authorization;
    }
    const body = await this.#token(challenge, scopes, credentials);
    const token = tokenOf(body);
    if (token === undefined) return undefined;
    const { refresh_token: identity } = body as { refresh_token?: unknown };
    if (typeof identity === "string" && identity !== "") this.identityToken = identity;
    const seconds = Number((body as { expires_in?: unknown }).expires_in) || 60;
    const until = Date.now() + Math.max(seconds * 1000 - EARLY_MS, 1000);
    this.#known.set(key, { authorization: `Bearer ${token}`, until });
    return `Bearer ${token}`;
  }

  /** @see https://distribution.github.io/distribution/spec/auth/oauth/ */
  async #token(
    challenge: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<unknown> {
    const { base, operation, registry, subject, signal } = this.#options;
    const url = tokenUrl(challenge, scopes);
    // A token service may be another host, but a password goes to it only through TLS, or where the
    // registry itself is on this machine.
    const safe = url.protocol === "https:" || (base.protocol === "http:" && isLoopback(url.host));
    const damaged = (reason: string): CtrError =>
      new CtrError({ code: "data_loss", operation, subject: redact(url), reason });
    if (!safe) throw damaged("the token service has no TLS");
    const init: RequestInit = { redirect: "error", ...signal === undefined ? {} : { signal } };
    let response: Response;
    if (credentials?.identityToken === undefined) {
      if (operation === "log in to") {
        url.searchParams.set("offline_token", "true");
        url.searchParams.set("client_id", "ctr");
      }
      if (credentials !== undefined) {
        init.headers = { Authorization: basicAuthorization(credentials) };
      }
      response = await exchange(url, init, this.#options);
    } else {
      const form = new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: credentials.identityToken,
        client_id: "ctr",
        service: challenge.parameters.service ?? "",
        scope: url.searchParams.getAll("scope").join(" "),
      });
      url.search = "";
      response = await exchange(url, { ...init, method: "POST", body: form }, this.#options);
    }
    const text = await response.text();
    if (!response.ok) {
      const request = { method: "GET", url, subject, registry, operation };
      throw refusal(response.status, request, text, response.headers.get("retry-after"));
    }
    try {
      return JSON.parse(text);
    } catch {
      throw damaged("the token service answers with something that is not JSON");
    }
  }
}

function bearerKey(scopes: readonly string[]): string {
  return `bearer ${scopes.join(" ")}`;
}
