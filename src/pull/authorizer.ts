/**
 * What a registry's challenge is answered with, kept as long as it is good.
 *
 * @module
 */

import { basicAuthorization, type Challenge, type Credentials, tokenOf } from "./auth.ts";
import type { Reach } from "./exchange.ts";

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
  /** How long a token service may take. */
  readonly timeoutMs?: number | undefined;
}

/** A token is renewed this long before it ends. */
const EARLY_MS = 10_000;
/** Nor is it believed for longer than a day. */
const MOST_MS = 86_400_000;
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
    if (credentials?.registryToken !== undefined) {
      const authorization = `Bearer ${credentials.registryToken}`;
      this.#known.set(key, { authorization, until: Infinity });
      return authorization;
    }
    const { requestToken } = await import("./token.ts");
    const body = await requestToken(challenge, scopes, credentials, this.#options);
    const token = tokenOf(body);
    if (token === undefined) return undefined;
    const { refresh_token: identity } = body as { refresh_token?: unknown };
    if (typeof identity === "string" && identity !== "") this.identityToken = identity;
    const seconds = Number((body as { expires_in?: unknown }).expires_in) || 60;
    const until = Date.now() + Math.min(Math.max(seconds * 1000 - EARLY_MS, 1000), MOST_MS);
    this.#known.set(key, { authorization: `Bearer ${token}`, until });
    return `Bearer ${token}`;
  }
}

function bearerKey(scopes: readonly string[]): string {
  return `bearer ${scopes.join(" ")}`;
}
