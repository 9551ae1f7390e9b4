/**
 * The client of one repository in a registry. What a pull needs is here; pushing and looking around
 * load when they are called.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 * @module
 */

import { createHash } from "node:crypto";
import { CtrError } from "../errors.ts";
import { type Download, downloadFrom } from "./download.ts";
import { openTransports } from "./endpoint.ts";
import type { Capability } from "./hosts.ts";
import type { Transport } from "./transport.ts";
import type {
  BlobSource,
  Descriptor,
  Document,
  ListOptions,
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
  readonly #options: RegistryOptions;
  readonly #path: string;
  readonly #opened = new Map<Capability, ReturnType<typeof openTransports>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#path = options.repository.slice(options.repository.indexOf("/") + 1);
  }

  /** The servers that can do something, best first. */
  #servers(capability: Capability): ReturnType<typeof openTransports> {
    let opened = this.#opened.get(capability);
    if (opened === undefined) {
      const { operation = "pull", repository } = this.#options;
      const registry = repository.slice(0, repository.indexOf("/"));
      const scopes = [`repository:${this.#path}:pull`];
      const what = { subject: repository, operation, scopes };
      opened = openTransports(registry, this.#options, what, capability);
      this.#opened.set(capability, opened);
    }
    return opened;
  }

  /** The first server's answer; what a mirror does not have, or cannot give, the next one may. */
  async #first<T>(capability: Capability, work: (server: Transport) => Promise<T>): Promise<T> {
    const servers = await this.#servers(capability);
    for (const server of servers.slice(0, -1)) {
      try {
        return await server.again(() => work(server));
      } catch (error) {
        if (!(error instanceof CtrError)) throw error;
      }
    }
    const last = servers.at(-1)!;
    return await last.again(() => work(last));
  }

  /**
   * A manifest or index by tag or digest, verified.
   *
   * @throws {RegistryError} as the registry answers
   * @throws {CtrError} `data_loss` when the bytes have another digest
   */
  async manifest(reference: string): Promise<Document> {
    return await this.#first(reference.includes(":") ? "pull" : "resolve", async (transport) => {
      const url = transport.url(`${this.#path}/manifests/${reference}`);
      const response = await transport.send(url, { headers: { Accept: ACCEPT } });
      const bytes = await transport.bytes(response, MAX_DOCUMENT);
      const algorithm = reference.startsWith("sha512:") ? "sha512" : "sha256";
      const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
      if (reference.includes(":") && digest !== reference) {
        throw transport.damaged(reference, `its bytes have the digest ${digest}`);
      }
      const stated = response.headers.get("docker-content-digest") ?? digest;
      if (stated !== digest && stated.startsWith(`${algorithm}:`)) {
        throw transport.damaged(reference, `the registry says it is ${stated}, it is ${digest}`);
      }
      const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]!.trim();
      return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
    });
  }

  /**
   * What a tag or digest is, without fetching it. The registry's word only: nothing is verified.
   *
   * @returns undefined when there is no such manifest
   */
  async resolve(reference: string): Promise<Descriptor | undefined> {
    const { resolve } = await import("./discover.ts");
    return await this.#first(
      "resolve",
      (transport) => resolve(transport, this.#path, reference, ACCEPT),
    );
  }

  /**
   * The bytes of a blob as they come. Whoever reads them all without an error has what the
   * descriptor says: size and digest are checked, too many bytes stop it at once. A body that breaks
   * off is asked for again from where it broke.
   *
   * @param options.stored the first bytes, from an earlier download: they come first, and count.
   */
  async *blob(
    descriptor: Descriptor,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly stored?: AsyncIterable<Uint8Array> | undefined;
    } = {},
  ): AsyncGenerator<Uint8Array> {
    const { digest } = descriptor;
    const [transport, ...others] = await this.#servers("pull");
    const [algorithm] = digest.split(":");
    if (algorithm !== "sha256" && algorithm !== "sha512") {
      throw transport.damaged(digest, "unknown digest algorithm");
    }
    const hash = createHash(algorithm);
    const state: Download = { received: 0, hash, etag: undefined, whole: false, breaks: 0 };
    for await (const bytes of options.stored ?? []) {
      state.received += bytes.length;
      hash.update(bytes);
      yield bytes;
    }
    const places = [transport, ...others].map((server) => ({
      server,
      url: server.url(`${this.#path}/blobs/${digest}`),
    }));
    if (descriptor.urls !== undefined) {
      const { foreignServers } = await import("./foreign.ts");
      places.push(...foreignServers(descriptor.urls, transport.options));
    }
    for (const [at, { server, url }] of places.entries()) {
      try {
        yield* downloadFrom(server, url, descriptor, state, options.signal);
        break;
      } catch (error) {
        const passing = error instanceof CtrError && error.code !== "data_loss";
        if (!passing || at === places.length - 1) throw error;
      }
    }
    const actual = `${algorithm}:${hash.digest("hex")}`;
    if (actual !== digest) throw transport.damaged(digest, `its bytes have the digest ${actual}`);
  }

  /** Whether the repository has a blob. */
  async hasBlob(digest: string): Promise<boolean> {
    const { hasBlob } = await import("./push.ts");
    return await hasBlob((await this.#servers("pull")).at(-1)!, this.#path, digest);
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
    const { pushBlob } = await import("./push.ts");
    return await pushBlob(
      (await this.#servers("push"))[0],
      this.#path,
      descriptor,
      source,
      options,
    );
  }

  /** Store a manifest or index under a tag or its digest. What it refers to must be there. */
  async pushManifest(
    reference: string,
    { bytes, descriptor }: Document,
  ): Promise<void> {
    const { pushManifest } = await import("./push_manifest.ts");
    const [transport] = await this.#servers("push");
    await pushManifest(this, transport, this.#path, reference, { bytes, descriptor });
  }

  /** All tags, in the registry's order. */
  async *tags(options: ListOptions = {}): AsyncGenerator<string> {
    const { list } = await import("./discover.ts");
    const transport = (await this.#servers("resolve")).at(-1)!;
    yield* list(transport, `${this.#path}/tags/list`, "tags", options);
  }

  /** What refers to a manifest: signatures, attestations and such. */
  async referrers(
    digest: string,
    options: { readonly artifactType?: string } = {},
  ): Promise<Descriptor[]> {
    const { referrers } = await import("./discover.ts");
    const transport = (await this.#servers("resolve")).at(-1)!;
    return await referrers(this, transport, this.#path, digest, options.artifactType);
  }

  /**
   * Delete a manifest by digest, or only a tag. What it referred to forgets it, also where the
   * registry has no API for that.
   *
   * @returns whether it was there
   */
  async deleteManifest(reference: string): Promise<boolean> {
    if (!reference.includes(":")) return await this.#deleteTag(reference);
    const { subjectOf, removeReferrer } = await import("./push_manifest.ts");
    const subject = await subjectOf(this, reference);
    const was = await this.#delete(`manifests/${reference}`);
    if (subject !== undefined) {
      await removeReferrer(this, (await this.#servers("push"))[0], this.#path, subject, reference);
    }
    return was;
  }

  /** Delete a blob. @returns whether it was there */
  async deleteBlob(digest: string): Promise<boolean> {
    return await this.#delete(`blobs/${digest}`);
  }

  async #deleteTag(tag: string): Promise<boolean> {
    try {
      return await this.#delete(`manifests/${tag}`);
    } catch (cause) {
      const { status } = cause as { status?: unknown };
      if (status !== 400 && status !== 405) throw cause;
      throw new CtrError({
        code: "not_implemented",
        operation: "delete tag",
        subject: `${this.#options.repository}:${tag}`,
        reason: "this registry only deletes manifests by their digest",
        cause,
      });
    }
  }

  async #delete(what: string): Promise<boolean> {
    const [transport] = await this.#servers("push");
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
}
