/**
 * The client of one repository in a registry. What a pull needs is here; pushing and looking around
 * load when they are called.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { openTransport } from "./endpoint.ts";
import type { Transport } from "./transport.ts";
import type {
  BlobSource,
  Descriptor,
  Document,
  PushBlobOptions,
  PushedBlob,
  RegistryOptions,
} from "./types.ts";

const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const MAX_DOCUMENT = 4 << 20;

/** One repository. */
export class Registry {
  readonly #transport: Transport;
  readonly #path: string;

  constructor(options: RegistryOptions) {
    const slash = options.repository.indexOf("/");
    this.#path = options.repository.slice(slash + 1);
    this.#transport = openTransport(options.repository.slice(0, slash), options, {
      subject: options.repository,
      operation: options.operation ?? "pull",
      scopes: [`repository:${this.#path}:pull`],
    });
  }

  /**
   * A manifest or index by tag or digest, verified.
   *
   * @throws {RegistryError} as the registry answers
   * @throws {CtrError} `data_loss` when the bytes have another digest
   */
  async manifest(reference: string): Promise<Document> {
    const transport = this.#transport;
    const url = transport.url(`${this.#path}/manifests/${reference}`);
    return await transport.again(async () => {
      const response = await transport.send(url, { headers: { Accept: ACCEPT } });
      const bytes = await transport.bytes(response, MAX_DOCUMENT);
      const algorithm = reference.startsWith("sha512:") ? "sha512" : "sha256";
      const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
      if (reference.includes(":") && digest !== reference) {
        throw transport.damaged(reference, `its bytes have the digest ${digest}`);
      }
      const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]!.trim();
      return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
    });
  }

  /** Whether there is such a manifest, by tag or digest, without fetching it. */
  async hasManifest(reference: string): Promise<boolean> {
    const transport = this.#transport;
    return await transport.again(async () => {
      const url = transport.url(`${this.#path}/manifests/${reference}`);
      const headers = { Accept: ACCEPT };
      const response = await transport.send(url, { method: "HEAD", headers, accept: [404] });
      await transport.discard(response);
      return response.ok;
    });
  }

  /**
   * The bytes of a blob as they come. Whoever reads them all without an error has what the
   * descriptor says: size and digest are checked, too many bytes stop it at once. A body that breaks
   * off is asked for again from where it broke.
   */
  async *blob(
    descriptor: Descriptor,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Uint8Array> {
    const { digest, size } = descriptor;
    const { signal } = options;
    const transport = this.#transport;
    const [algorithm] = digest.split(":");
    if (algorithm !== "sha256" && algorithm !== "sha512") {
      throw transport.damaged(digest, "unknown digest algorithm");
    }
    const url = transport.url(`${this.#path}/blobs/${digest}`);
    const hash: Hash = createHash(algorithm);
    let received = 0;
    for (let attempt = 1;; attempt++) {
      const before = received;
      try {
        const headers: Record<string, string> = received > 0 ? { Range: `bytes=${received}-` } : {};
        const response = await transport.send(url, { headers, signal });
        // A server that does not know ranges sends it all again.
        let skip = response.status === 206 ? 0 : received;
        for await (let bytes of transport.chunks(response)) {
          if (skip > 0) {
            const drop = Math.min(skip, bytes.length);
            bytes = bytes.subarray(drop);
            skip -= drop;
            if (bytes.length === 0) continue;
          }
          received += bytes.length;
          if (received > size) {
            throw transport.damaged(digest, `the registry sends more than its ${size} bytes`);
          }
          hash.update(bytes);
          yield bytes;
        }
        if (received < size) throw new TypeError("the connection ended early");
        break;
      } catch (error) {
        if (received > before) attempt = 1; // there was progress
        await transport.pauseOrThrow(error, attempt, signal);
      }
    }
    const actual = `${algorithm}:${hash.digest("hex")}`;
    if (actual !== digest) throw transport.damaged(digest, `its bytes have the digest ${actual}`);
  }

  /** Whether the repository has a blob. */
  async hasBlob(digest: string): Promise<boolean> {
    return await (await this.#push()).hasBlob(this.#transport, this.#path, digest);
  }

  /**
   * Bring a blob into the repository, unless it is there or the registry can take it from another
   * repository. An upload that breaks off goes on where it broke.
   *
   * @throws {RegistryError}
   */
  async pushBlob(
    descriptor: Pick<Descriptor, "digest" | "size">,
    source: BlobSource,
    options: PushBlobOptions = {},
  ): Promise<PushedBlob> {
    const { pushBlob } = await this.#push();
    return await pushBlob(this.#transport, this.#path, descriptor, source, options);
  }

  /** Store a manifest or index under a tag or its digest. What it refers to must be there. */
  async pushManifest(
    reference: string,
    { bytes, descriptor }: Document,
  ): Promise<void> {
    const { pushManifest } = await import("./push_manifest.ts");
    await pushManifest(this, this.#transport, this.#path, reference, { bytes, descriptor });
  }

  /** All tags, in the registry's order. @param options.pageSize how many to ask for at a time */
  async *tags(options: { readonly pageSize?: number } = {}): AsyncGenerator<string> {
    const { list } = await import("./discover.ts");
    yield* list(this.#transport, `${this.#path}/tags/list`, "tags", options.pageSize);
  }

  /** What refers to a manifest: signatures, attestations and such. */
  async referrers(
    digest: string,
    options: { readonly artifactType?: string } = {},
  ): Promise<Descriptor[]> {
    const { referrers } = await import("./discover.ts");
    return await referrers(this, this.#transport, this.#path, digest, options.artifactType);
  }

  /** Delete a manifest by digest, or only a tag. @returns whether it was there */
  async deleteManifest(reference: string): Promise<boolean> {
    return await this.#delete(`manifests/${reference}`);
  }

  /** Delete a blob. @returns whether it was there */
  async deleteBlob(digest: string): Promise<boolean> {
    return await this.#delete(`blobs/${digest}`);
  }

  async #delete(what: string): Promise<boolean> {
    const transport = this.#transport;
    return await transport.again(async () => {
      const response = await transport.send(transport.url(`${this.#path}/${what}`), {
        method: "DELETE",
        scopes: [`repository:${this.#path}:delete`],
        accept: [404],
      });
      await transport.discard(response);
      return response.ok;
    });
  }

  #push(): Promise<typeof import("./push.ts")> {
    return import("./push.ts");
  }
}
