/**
 * Blobs into a repository: found there, mounted from another repository, or uploaded.
 *
 * A small blob is one request. A larger one is streamed in a single `PATCH` of unknown length, as
 * Docker does it and every registry therefore supports; with `chunkBytes` it goes in pieces. Where an
 * upload broke off the registry is asked how much it has.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
 * @module
 */

import { RegistryError } from "./registry_error.ts";
import type { Transport } from "./transport.ts";
import type { BlobSource, Descriptor, PushBlobOptions, PushedBlob } from "./types.ts";

/** Blobs up to this size are sent from memory in one request. */
const SMALL_BYTES = 1 << 20;
/** A registry that loses an upload more often does not want it. */
const MOST_RESTARTS = 4;
const HEADERS = { "Content-Type": "application/octet-stream" };

/** What a push must be allowed to do. */
export function pushScopes(path: string, mountFrom?: string): string[] {
  return [
    `repository:${path}:pull,push`,
    ...mountFrom === undefined ? [] : [`repository:${mountFrom}:pull`],
  ];
}

/** Whether a repository has a blob. */
export async function hasBlob(
  transport: Transport,
  path: string,
  digest: string,
  scopes?: readonly string[],
): Promise<boolean> {
  return await transport.again(async () => {
    const url = transport.url(`${path}/blobs/${digest}`);
    const response = await transport.send(url, {
      method: "HEAD",
      accept: [404],
      ...scopes === undefined ? {} : { scopes },
    });
    await transport.discard(response);
    return response.ok;
  });
}

/** Bring a blob into a repository. */
export async function pushBlob(
  transport: Transport,
  path: string,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  source: BlobSource,
  options: PushBlobOptions,
): Promise<PushedBlob> {
  const { chunkBytes, mountFrom, onBytes = () => {}, signal } = options;
  if (await hasBlob(transport, path, digest, pushScopes(path))) return "exists";
  const query = mountFrom === undefined
    ? ""
    : `?mount=${digest}&from=${encodeURIComponent(mountFrom)}`;
  let least = 0;
  const begin = async (query: string): Promise<URL | undefined> =>
    await transport.again(async () => {
      const response = await transport.send(transport.url(`${path}/blobs/uploads/${query}`), {
        method: "POST",
        body: () => new Uint8Array(0),
        scopes: pushScopes(path, query === "" ? undefined : mountFrom),
        signal,
      });
      await transport.discard(response);
      least = Number(response.headers.get("oci-chunk-min-length")) || 0;
      return response.status === 201 ? undefined : locationOf(transport, response);
    });
  let at: URL | undefined = await begin(query);
  if (at === undefined) return "mounted";
  const how = { ...options, chunkBytes: chunkBytes && Math.max(chunkBytes, least) };
  let sent = 0;
  let restarts = 0;
  for (let attempt = 1;; attempt++) {
    const before: number = sent;
    const upload: Upload = new Upload(transport, path, at, how);
    try {
      if (sent === 0 && size <= Math.min(SMALL_BYTES, how.chunkBytes ?? SMALL_BYTES)) {
        await upload.put(digest, await collect(source(0), size));
      } else {
        for (sent = await upload.patch(source, sent, size); sent < size;) {
          sent = await upload.patch(source, sent, size);
        }
        await upload.put(digest, new Uint8Array(0));
      }
      onBytes(size);
      return "pushed";
    } catch (error) {
      sent = Math.max(sent, upload.acknowledged);
      if (sent > before) attempt = 1;
      // It wants other bytes than we sent, or has forgotten the upload.
      const confused = error instanceof RegistryError && [404, 416].includes(error.status);
      if (!confused || attempt > 1) await transport.pauseOrThrow(error, attempt, signal);
      const where: Awaited<ReturnType<Upload["status"]>> = await upload.status();
      if (where === undefined && ++restarts > MOST_RESTARTS) throw error;
      at = where?.at ?? await begin("");
      if (at === undefined) return "pushed";
      sent = where?.received ?? 0;
    }
  }
}

/** An upload that has begun. */
class Upload {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #options: PushBlobOptions;
  #at: URL;
  /** Bytes that the registry says it has. */
  acknowledged = 0;

  constructor(transport: Transport, path: string, at: URL, options: PushBlobOptions) {
    this.#transport = transport;
    this.#path = path;
    this.#at = at;
    this.#options = options;
  }

  /** Send what follows `start`, or a piece of it. @returns how much the registry has now */
  async patch(source: BlobSource, start: number, size: number): Promise<number> {
    const { chunkBytes, onBytes = () => {} } = this.#options;
    const end = Math.min(size, start + (chunkBytes ?? Infinity));
    const piece = chunkBytes === undefined ? undefined : await collect(source(start), end - start);
    // A whole blob in one go says nothing of ranges: not every registry knows them.
    const ranged = piece !== undefined || start > 0;
    const response = await this.#send("PATCH", this.#at, {
      headers: { ...HEADERS, ...ranged ? { "Content-Range": `${start}-${end - 1}` } : {} },
      body: () => piece ?? counted(source(start), start, onBytes),
    });
    this.#at = locationOf(this.#transport, response) ?? this.#at;
    const received = receivedOf(response);
    this.acknowledged = received === undefined || received === 0 ? end : received;
    onBytes(this.acknowledged);
    return this.acknowledged;
  }

  /** The last bytes, and the end of it. */
  async put(digest: string, bytes: Uint8Array): Promise<void> {
    const url = new URL(this.#at);
    url.searchParams.set("digest", digest);
    await this.#send("PUT", url, { headers: HEADERS, body: () => bytes });
  }

  /** Where to go on; undefined when this upload is lost. */
  async status(): Promise<{ at: URL; received: number } | undefined> {
    try {
      const response = await this.#send("GET", this.#at, {});
      const received = receivedOf(response);
      if (received === undefined) return undefined;
      return { at: locationOf(this.#transport, response) ?? this.#at, received };
    } catch (error) {
      if (error instanceof RegistryError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  async #send(
    method: "GET" | "PATCH" | "PUT",
    url: URL,
    request: {
      headers?: Record<string, string>;
      body?: () => Uint8Array | AsyncIterable<Uint8Array>;
    },
  ): Promise<Response> {
    const scopes = pushScopes(this.#path);
    const { signal } = this.#options;
    const response = await this.#transport.send(url, { method, ...request, scopes, signal });
    await this.#transport.discard(response);
    return response;
  }
}

/** Where an upload goes on; it may be another server. */
function locationOf(transport: Transport, response: Response): URL | undefined {
  const location = response.headers.get("location");
  if (location === null) return undefined;
  if (URL.canParse(location, transport.options.base.href)) return transport.url(location);
  throw transport.damaged(
    location.slice(0, 100),
    "the registry sends us to something that is no URL",
  );
}

/** `Range: 0-99` is a hundred bytes. */
function receivedOf(response: Response): number | undefined {
  const match = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get("range") ?? "");
  if (match === null) return undefined;
  // docker-registry says 0-0 for nothing at all, and nobody sends a single byte.
  return match[1] === "0" ? 0 : Number(match[1]) + 1;
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  start: number,
  onBytes: (current: number) => void,
): AsyncGenerator<Uint8Array> {
  let current = start;
  for await (const chunk of source) {
    yield chunk;
    onBytes(current += chunk.length);
  }
}

async function collect(source: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
