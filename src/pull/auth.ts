/**
 * How a registry wants to be convinced: the `WWW-Authenticate` header, and the token it asks for.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @module
 */

/** A challenge: `Basic realm="x"`, `Bearer realm="https://…",service="…",scope="…"`. */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly parameters: Readonly<Record<string, string>>;
}

/** A user and a password, or a token that stands for both. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** What a token service takes instead of a password. */
  readonly identityToken?: string | undefined;
  /** What the registry itself takes, without a token service. */
  readonly registryToken?: string | undefined;
}

/** A header that is longer wants to keep us busy. */
const MAX_HEADER = 8 << 10;

/** The first challenge that we can answer; undefined when there is none. */
export function parseChallenge(header: string): Challenge | undefined {
  if (header.length > MAX_HEADER) return undefined;
  const match = /(?:^|,\s*)(basic|bearer)\s+(.*)$/is.exec(header.trim());
  if (match === null) {
    return /^\s*basic\s*$/i.test(header) ? { scheme: "basic", parameters: {} } : undefined;
  }
  const parameters: Record<string, string> = {};
  const pattern = /([a-zA-Z0-9_-]+)=(?:"((?:\\.|[^"\\])*)"|([^\s,"]+))/g;
  for (const [, key, quoted, plain] of match[2]!.matchAll(pattern)) {
    parameters[key!.toLowerCase()] ??= quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  }
  return { scheme: match[1]!.toLowerCase() as Challenge["scheme"], parameters };
}

/** The value of an `Authorization` header. */
export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** Where to ask for a token. @throws {TypeError} when the realm is not a URL */
export function tokenUrl(challenge: Challenge, scopes: readonly string[]): URL {
  const url = new URL(challenge.parameters.realm ?? "");
  const { service, scope } = challenge.parameters;
  if (service !== undefined) url.searchParams.set("service", service);
  // What the registry wants, and what we know to need besides: the repository to mount from.
  const wanted = new Set([...scope === undefined ? [] : scope.split(" "), ...scopes]);
  for (const each of wanted) if (each !== "") url.searchParams.append("scope", each);
  return url;
}

/** The token in an answer of a token service; undefined when it has none. */
export function tokenOf(body: unknown): string | undefined {
  const { token, access_token } = (body ?? {}) as Record<string, unknown>;
  for (const candidate of [token, access_token]) {
    if (typeof candidate === "string" && /^[\x21-\x7e]+$/.test(candidate)) return candidate;
  }
  return undefined;
}

/** Beside its entry, Docker keeps what a log-in in the browser gave it. */
const HUB_TOKENS = /^https:\/\/index\.docker\.io\/v1\/(?:access|refresh)-token$/;

/**
 * `auths` of Docker's config.json by registry host; the entry under the very host, or under Docker
 * Hub's own key, before others that mean it. Entries without a secret are left out.
 */
export function dockerConfigCredentials(json: string): Record<string, Credentials> {
  const exact: Record<string, Credentials> = {};
  const others: Record<string, Credentials> = {};
  const { auths } = JSON.parse(json) as { auths?: Record<string, Record<string, unknown>> };
  for (const [key, entry] of Object.entries(auths ?? {})) {
    const found = credentialsOf(entry ?? {});
    if (found === undefined || HUB_TOKENS.test(key)) continue;
    const host = key.replace(/^https?:\/\//, "").split("/")[0]!;
    const isHub = host === "index.docker.io";
    const into = key === host || key === "https://index.docker.io/v1/" ? exact : others;
    into[isHub ? "docker.io" : host] ??= found;
  }
  return { ...others, ...exact };
}

function credentialsOf(entry: Readonly<Record<string, unknown>>): Credentials | undefined {
  const text = (key: string): string => String(entry[key] ?? "");
  const decoded = Buffer.from(text("auth"), "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  const username = colon < 0 ? text("username") : decoded.slice(0, colon);
  // Docker's own padding.
  const password = (colon < 0 ? text("password") : decoded.slice(colon + 1)).replace(/\0+$/, "");
  const [identityToken, registryToken] = [text("identitytoken"), text("registrytoken")];
  if (registryToken !== "") return { username: "", password: "", registryToken };
  if (identityToken !== "") return { username: "", password: "", identityToken };
  return password === "" ? undefined : { username, password };
}
