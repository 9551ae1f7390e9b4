/**
 * The client of one repository in a registry, for pulling.
 *
 * Redirects are followed by hand, so that credentials go only to the host that asked for them. A body
 * that breaks off is asked for again from where it broke.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 * @module
 */

import { createHash } from "node:crypto";
import { CtrError } from "../errors.ts";
import {
  basicAuthorization,
  type Challenge,
  type Credentials,
  parseChallenge,
  tokenOf,
  tokenUrl,
} from "./auth.ts";
import { chainText, isLoopback } from "./reach.ts";
import { redact, refusal, RegistryError } from "./registry_error.ts";

/** Bytes in a registry. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A manifest or index as it was served. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** How to reach a repository. */
export interface RegistryOptions {
  /** With its registry: `docker.io/library/alpine`. */
  readonly repository: string;
  /** By registry host as in names: `docker.io`, `localhost:5000`. */
  readonly credentials?: Readonly<Record<string, Credentials>> | undefined;
  /** Hosts that are spoken to without TLS; loopback always is. */
  readonly insecure?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Pause before the first repetition, doubled each time. */
  readonly retryMs?: number;
}

const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const MAX_DOCUMENT = 4 << 20;
const ATTEMPTS = 5;
const MAX_REDIRECTS = 10;

/** One repository. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #host: string;
  readonly #base: URL;
  readonly #path: string;
  #authorization: string | undefined;
  #login: Promise<string | undefined> | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const slash = options.repository.indexOf("/");
    this.#host = options.repository.slice(0, slash);
    this.#path = options.repository.slice(slash + 1);
    const server = this.#host === "docker.io" ? "registry-1.docker.io" : this.#host;
    const plain = isLoopback(server) || options.insecure?.includes(server) === true;
    this.#base = new URL(`${plain ? "http" : "https"}://${server}/v2/`);
  }

  /**
   * A manifest or index by tag or digest, verified.
   *
   * @throws {RegistryError} as the registry answers
   * @throws {CtrError} `data_loss` when the bytes have another digest
   */
  async manifest(reference: string): Promise<Document> {
    const url = new URL(`${this.#path}/manifests/${reference}`, this.#base);
    return await this.#again(async () => {
      const response = await this.#get(url, { Accept: ACCEPT });
      const bytes = await this.#body(response, url, MAX_DOCUMENT);
      const algorithm = reference.startsWith("sha512:") ? "sha512" : "sha256";
      const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
      if (reference.includes(":") && digest !== reference) {
        throw this.#damaged(reference, `its bytes have the digest ${digest}`);
      }
      const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]!.trim();
      return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
    });
  }

  /**
   * The bytes of a blob as they come. Whoever reads them all without an error has what the
   * descriptor says: size and digest are checked, too many bytes stop it at once.
   */
  async *blob(
    descriptor: Descriptor,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Uint8Array> {
    const { digest, size } = descriptor;
    const [algorithm] = digest.split(":");
    if (algorithm !== "sha256" && algorithm !== "sha512") {
      throw this.#damaged(digest, "unknown digest algorithm");
    }
    const url = new URL(`${this.#path}/blobs/${digest}`, this.#base);
    const hash = createHash(algorithm);
    let received = 0;
    for (let attempt = 1;; attempt++) {
      const before = received;
      try {
        const headers: Record<string, string> = received > 0 ? { Range: `bytes=${received}-` } : {};
        const response = await this.#get(url, headers, options.signal);
        // A server that does not know ranges sends it all again.
        let skip = response.status === 206 ? 0 : received;
        for await (const chunk of response.body ?? []) {
          let bytes = chunk as Uint8Array;
          if (skip > 0) {
            const drop = Math.min(skip, bytes.length);
            bytes = bytes.subarray(drop);
            skip -= drop;
            if (bytes.length === 0) continue;
          }
          received += bytes.length;
          if (received > size) {
            throw this.#damaged(digest, `the registry sends more than its ${size} bytes`);
          }
          hash.update(bytes);
          yield bytes;
        }
        if (received < size) throw new TypeError("the connection ended early");
        break;
      } catch (error) {
        if (received > before) attempt = 1; // there was progress
        await this.#pauseOrThrow(error, attempt, url, options.signal);
      }
    }
    const actual = `${algorithm}:${hash.digest("hex")}`;
    if (actual !== digest) throw this.#damaged(digest, `its bytes have the digest ${actual}`);
  }

  async #again<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await work();
      } catch (error) {
        await this.#pauseOrThrow(error, attempt, this.#base, undefined);
      }
    }
  }

  /** Failures that may pass are tried again after a pause that grows. */
  async #pauseOrThrow(
    error: unknown,
    attempt: number,
    url: URL,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    signal ??= this.#options.signal;
    if (signal?.aborted) throw signal.reason;
    const passing = error instanceof RegistryError
      ? error.status >= 500 || error.status === 429
      : !(error instanceof CtrError);
    if (!passing || attempt >= ATTEMPTS) {
      if (error instanceof CtrError) throw error;
      throw this.#unreachable(url, error);
    }
    // Nobody listens there: that does not pass within seconds.
    if (
      /ECONNREFUSED|ENOTFOUND|Unable to connect|Connection refused|dns error/i.test(
        chainText(error),
      )
    ) {
      throw this.#unreachable(url, error);
    }
    const pauseMs = (this.#options.retryMs ?? 250) * 2 ** (attempt - 1);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }

  /** A successful answer; redirects followed, the challenge answered once. */
  async #get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined = this.#options.signal,
  ): Promise<Response> {
    let at = url;
    let challenged = false;
    for (let redirects = 0; redirects <= MAX_REDIRECTS;) {
      const own = at.host === this.#base.host;
      const authorization = own ? this.#authorization : undefined;
      const response = await fetch(at, {
        headers: {
          ...headers,
          ...authorization === undefined ? {} : { Authorization: authorization },
        },
        redirect: "manual",
        ...signal === undefined ? {} : { signal },
      });
      if (response.ok) return response;
      const { status } = response;
      const location = response.headers.get("location");
      if (status >= 300 && status < 400 && location !== null) {
        await response.body?.cancel();
        const next = new URL(location, at);
        if (next.protocol !== "https:" && next.protocol !== this.#base.protocol) {
          throw this.#damaged(redact(at), "the registry redirects to a connection without TLS");
        }
        at = next;
        redirects++;
        continue;
      }
      if (status === 401 && own && !challenged) {
        challenged = true;
        const challenge = parseChallenge(response.headers.get("www-authenticate") ?? "");
        await response.body?.cancel();
        this.#login ??= this.#answer(challenge).finally(() => this.#login = undefined);
        this.#authorization = await this.#login;
        if (this.#authorization !== undefined) continue;
        throw this.#refused(401, at, "");
      }
      throw this.#refused(status, at, await response.text().catch(() => ""));
    }
    throw this.#damaged(redact(url), "too many redirects");
  }

  /** What to say to a challenge; undefined when we have nothing to say. */
  async #answer(challenge: Challenge | undefined): Promise<string | undefined> {
    const credentials = this.#options.credentials?.[this.#host];
    if (challenge === undefined) return undefined;
    if (challenge.scheme === "basic") {
      return credentials === undefined ? undefined : basicAuthorization(credentials);
    }
    const url = tokenUrl(challenge, `repository:${this.#path}:pull`);
    // A token service may be another host, but a password goes to it only through TLS, or where the
    // registry itself is on this machine.
    const safe = url.protocol === "https:" ||
      (this.#base.protocol === "http:" && isLoopback(url.host));
    if (!safe) throw this.#damaged(redact(url), "the token service has no TLS");
    const response = await fetch(url, {
      headers: credentials === undefined ? {} : { Authorization: basicAuthorization(credentials) },
      redirect: "error",
    });
    if (!response.ok) {
      const body = await response.text().catch(() => "");
      throw this.#refused(response.status, url, body);
    }
    const bytes = await this.#body(response, url, 1 << 20);
    const token = tokenOf(JSON.parse(new TextDecoder().decode(bytes)));
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  async #body(response: Response, url: URL, limit: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += (chunk as Uint8Array).length;
      if (length > limit) {
        throw this.#damaged(redact(url), `the answer has more than ${limit} bytes`);
      }
      chunks.push(chunk as Uint8Array);
    }
    return Buffer.concat(chunks);
  }

  #refused(status: number, url: URL, body: string): RegistryError {
    const subject = this.#options.repository;
    return refusal(status, { method: "GET", url, subject, registry: this.#host }, body);
  }

  #damaged(subject: string, reason: string): CtrError {
    return new CtrError({ code: "data_loss", operation: "pull", subject, reason });
  }

  #unreachable(url: URL, cause: unknown): RegistryError {
    return new RegistryError({
      code: "unavailable",
      operation: "pull",
      subject: this.#options.repository,
      reason: `cannot reach ${this.#host}: ${chainText(cause)}`,
      method: "GET",
      url: redact(url),
      status: 0,
      errors: [],
      cause,
    });
  }
}
