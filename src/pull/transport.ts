/**
 * Requests to one endpoint of a registry, authorized.
 *
 * Redirects are followed by hand, so that credentials go only to the server that asked for them.
 * Failures that may pass are tried again.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { Authorizer } from "./authorizer.ts";
import { parseChallenge } from "./auth.ts";
import { exchange, type Reach } from "./exchange.ts";
import { chainText } from "./reach.ts";
import { redact, refusal, RegistryError } from "./registry_error.ts";
import { mayPass, pause, pauseMs } from "./retry.ts";
import { Watch } from "./watch.ts";

/** What to ask for. */
export interface Request {
  /** Default GET. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each time that it has to be sent. */
  readonly body?: () => Uint8Array | AsyncIterable<Uint8Array>;
  /** Statuses beside 2xx that are answers and no errors. */
  readonly accept?: readonly number[];
  /** What the token must allow; default: to pull from the repository. */
  readonly scopes?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** What a {@link Transport} needs to know. */
export interface TransportOptions extends Reach {
  /** As in names: `docker.io`. */
  readonly registry: string;
  /** What errors are about. */
  readonly subject: string;
  /** The verb of errors. */
  readonly operation: string;
  /** Ends in `/v2/`. */
  readonly base: URL;
  readonly authorizer: Authorizer;
  readonly scopes: readonly string[];
  /** Sent with every request to `base`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The registry that a mirror answers for. */
  readonly namespace?: string | undefined;
  /** Default 5. */
  readonly attempts?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly retryMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

const ATTEMPTS = 5;
const MAX_REDIRECTS = 10;

/** One endpoint, seen from one repository. */
export class Transport {
  readonly options: TransportOptions;
  readonly #watches = new WeakMap<Response, Watch>();

  constructor(options: TransportOptions) {
    this.options = options;
  }

  /** A URL below `/v2/`, or what a `Location` means. */
  url(path: string): URL {
    const url = new URL(path, this.options.base);
    const { base, namespace } = this.options;
    if (namespace !== undefined && url.origin === base.origin) {
      url.searchParams.set("ns", namespace);
    }
    return url;
  }

  /** {@link Transport.send}, again and again as long as that makes sense. */
  async again<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await work();
      } catch (error) {
        await this.pauseOrThrow(error, attempt, signal);
      }
    }
  }

  /** Failures that may pass are tried again after a pause that grows, or that the registry names. */
  async pauseOrThrow(error: unknown, attempt: number, own?: AbortSignal): Promise<void> {
    const signal = own ?? this.options.signal;
    if (signal?.aborted) throw signal.reason;
    if (!mayPass(error) || attempt >= (this.options.attempts ?? ATTEMPTS)) {
      throw error instanceof CtrError ? error : this.#unreachable(error);
    }
    await pause(pauseMs(error, attempt, this.options.retryMs), signal);
  }

  /**
   * An answer with a status that was asked for; redirects followed, the challenge answered once.
   *
   * @throws {RegistryError} for any other status
   */
  async send(url: URL, request: Request = {}): Promise<Response> {
    const { base, authorizer, scopes } = this.options;
    const wanted = request.scopes ?? scopes;
    const method = request.method ?? "GET";
    let at = url;
    let challenged = false;
    // Whoever we were sent to must not choose what we do here in our name.
    let own = true;
    for (let redirects = 0; redirects <= MAX_REDIRECTS;) {
      own &&= at.origin === base.origin;
      const authorization = own ? authorizer.known(wanted) : undefined;
      const headers = {
        ...own ? this.options.headers : {},
        ...request.headers,
        ...authorization === undefined ? {} : { Authorization: authorization },
      };
      const response = await this.#fetch(at, method, headers, request);
      const { status } = response;
      if (response.ok || request.accept?.includes(status)) return response;
      const location = response.headers.get("location");
      if (status >= 300 && status < 400 && location !== null) {
        await this.discard(response);
        if (!URL.canParse(location, at.href)) {
          throw this.damaged(redact(at), "the registry redirects to something that is no URL");
        }
        const next = new URL(location, at);
        if (next.protocol !== "https:" && next.protocol !== base.protocol) {
          throw this.damaged(redact(at), "the registry redirects to a connection without TLS");
        }
        at = next;
        redirects++;
        continue;
      }
      if (status === 401 && own && !challenged) {
        challenged = true;
        const challenge = parseChallenge(response.headers.get("www-authenticate") ?? "");
        const complaint = await this.text(response);
        if (await authorizer.answer(challenge, wanted, authorization)) continue;
        throw this.#refused(response, method, at, complaint);
      }
      throw this.#refused(response, method, at, await this.text(response));
    }
    throw this.damaged(redact(url), "too many redirects");
  }

  /** The body as it comes. @throws {CtrError} `deadline_exceeded` when it stops coming */
  async *chunks(response: Response): AsyncGenerator<Uint8Array> {
    const body = (response.body ?? []) as AsyncIterable<Uint8Array>;
    const watch = this.#watches.get(response);
    yield* watch === undefined ? body : watch.incoming(body);
  }

  /** A whole body. @throws {CtrError} `data_loss` when it has more than `limit` bytes */
  async bytes(response: Response, limit: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.chunks(response)) {
      length += chunk.length;
      if (length > limit) {
        throw this.damaged(
          response.url === "" ? this.options.subject : redact(new URL(response.url)),
          `the answer has more than ${limit} bytes`,
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** The beginning of a complaint. */
  async text(response: Response): Promise<string> {
    return await this.bytes(response, 1 << 20).then(
      (bytes) => new TextDecoder().decode(bytes),
      () => "",
    );
  }

  /** Nobody wants the body. */
  async discard(response: Response): Promise<void> {
    this.#watches.get(response)?.end();
    await response.body?.cancel().catch(() => {});
  }

  damaged(subject: string, reason: string): CtrError {
    return new CtrError({
      code: "data_loss",
      operation: this.options.operation,
      subject,
      reason,
    });
  }

  async #fetch(
    url: URL,
    method: string,
    headers: Readonly<Record<string, string>>,
    request: Request,
  ): Promise<Response> {
    const { registry, timeoutMs = 60_000 } = this.options;
    const outer = request.signal ?? this.options.signal;
    const watch = new Watch(timeoutMs, (nothing) => {
      const { operation, subject } = this.options;
      const reason = `${registry} sends ${
        nothing ? "nothing" : "next to nothing"
      } for ${timeoutMs} ms`;
      return new CtrError({ code: "deadline_exceeded", operation, subject, reason });
    });
    const whole = request.body?.();
    const body = whole === undefined || whole instanceof Uint8Array
      ? whole
      : ReadableStream.from(watch.outgoing(whole));
    try {
      const init = {
        method,
        // Offsets and sizes are those of what is stored.
        headers: { "Accept-Encoding": "identity", ...headers },
        redirect: "manual",
        signal: outer === undefined ? watch.signal : AbortSignal.any([outer, watch.signal]),
        ...body === undefined ? {} : { body: body as BodyInit, duplex: "half" },
      } as RequestInit;
      const response = await exchange(url, init, this.options);
      this.#watches.set(response, watch);
      return response;
    } catch (error) {
      watch.end();
      throw watch.signal.aborted ? watch.signal.reason : error;
    }
  }

  #refused(response: Response, method: string, url: URL, body: string): RegistryError {
    const { registry, subject, operation } = this.options;
    const request = { method, url, subject, registry, operation };
    return refusal(response.status, request, body, response.headers.get("retry-after"));
  }

  #unreachable(cause: unknown): RegistryError {
    const { registry, subject, operation, base } = this.options;
    return new RegistryError({
      code: "unavailable",
      operation,
      subject,
      reason: `cannot reach ${registry}: ${chainText(cause)}`,
      method: "GET",
      url: redact(base),
      status: 0,
      errors: [],
      cause,
    });
  }
}
