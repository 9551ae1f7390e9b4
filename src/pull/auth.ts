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
}

/** The first challenge that we can answer; undefined when there is none. */
export function parseChallenge(header: string): Challenge | undefined {
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

/** `auths` of Docker's config.json by registry host. Entries without a password are left out. */
export function dockerConfigCredentials(json: string): Record<string, Credentials> {
  const found: Record<string, Credentials> = {};
  const { auths } = JSON.parse(json) as { auths?: Record<string, Record<string, unknown>> };
  for (const [key, entry] of Object.entries(auths ?? {})) {
    const host = key.replace(/^https?:\/\//, "").split("/")[0]!;
    const decoded = Buffer.from(String(entry?.auth ?? ""), "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    const username = colon < 0 ? String(entry?.username ?? "") : decoded.slice(0, colon);
    const password = colon < 0 ? String(entry?.password ?? "") : decoded.slice(colon + 1);
    const identityToken = String(entry?.identitytoken ?? "");
    const name = host === "index.docker.io" ? "docker.io" : host;
    if (identityToken !== "") found[name] = { username: "", password: "", identityToken };
    else if (password !== "") found[name] = { username, password };
  }
  return found;
}
