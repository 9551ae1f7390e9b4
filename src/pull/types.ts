/**
 * The words of the registry client.
 *
 * @module
 */

import type { CredentialSource } from "./authorizer.ts";
import type { ProxySettings } from "./reach.ts";

/** Bytes in a registry. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** Where the bytes are besides, for layers that registries may not distribute. */
  readonly urls?: readonly string[] | undefined;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A manifest or index as it was served. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** How to reach a registry. */
export interface RegistryAccess {
  /** By registry host as in names: `docker.io`, `localhost:5000`; or a function that finds them. */
  readonly credentials?: CredentialSource | undefined;
  /** Hosts that are spoken to without TLS; loopback always is. */
  readonly insecure?: readonly string[] | undefined;
  /**
   * Directories of the form of containerd's and Docker's `certs.d`, which name mirrors, certificates
   * and such by registry. Default none.
   */
  readonly hostsDirs?: readonly string[] | undefined;
  /** Default: what the runtime's `fetch` reads from its own environment. */
  readonly proxy?: ProxySettings | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Pause before the first repetition, doubled each time. Default 250. */
  readonly retryMs?: number | undefined;
  /** How long a registry may send nothing. Default 60 000. */
  readonly timeoutMs?: number | undefined;
}

/** How to reach a repository. */
export interface RegistryOptions extends RegistryAccess {
  /** With its registry: `docker.io/library/alpine`. */
  readonly repository: string;
  /** The verb of errors: `pull` unless told otherwise. */
  readonly operation?: string | undefined;
}

/** Which names to list. */
export interface ListOptions {
  /** How many to ask for at a time. Default: as the registry likes. */
  readonly pageSize?: number | undefined;
  /** Only those after this one, which need not exist. */
  readonly after?: string | undefined;
}

/** Bytes of a blob that is pushed, from an offset on. May be asked for more than once. */
export type BlobSource = (start: number) => AsyncIterable<Uint8Array>;

/** How to push a blob. */
export interface PushBlobOptions {
  /** A repository of the same registry that may have the blob: `library/alpine`. */
  readonly mountFrom?: string | undefined;
  /** Send it in pieces of so many bytes, or what the registry wants at least. Default: in one request. */
  readonly chunkBytes?: number | undefined;
  /** How much has been sent. */
  readonly onBytes?: ((current: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a blob. */
export type PushedBlob = "exists" | "mounted" | "pushed";
