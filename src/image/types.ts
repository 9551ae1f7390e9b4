/**
 * What the rest of the engine knows of an image.
 *
 * @module
 */

/** The parts of an OCI image configuration that the engine reads; others are kept as they are. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly config?: {
    readonly User?: string;
    readonly Env?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly StopSignal?: string;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    readonly Volumes?: Readonly<Record<string, unknown>> | null;
  };
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history?: readonly {
    readonly created?: string;
    readonly created_by?: string;
    readonly comment?: string;
    readonly empty_layer?: boolean;
  }[];
}

/** An image on one platform. */
export interface Image {
  /** Canonical name of its record: `docker.io/library/alpine:latest`. */
  readonly name: string;
  /** Digest that the name points to: an index, or the manifest itself. */
  readonly target: string;
  readonly manifest: string;
  /** Digest of the configuration. */
  readonly id: string;
  /** `linux/amd64`. */
  readonly platform: string;
  /** Parent for `snapshotter.prepare`; undefined for an image without layers. */
  readonly chainId: string | undefined;
  readonly config: ImageConfig;
  /** Bytes of configuration and layers as stored, compressed. */
  readonly size: number;
}

/** A line of `docker images`: an image ID with all its names. */
export interface ImageSummary {
  readonly id: string;
  /** Familiar: `alpine:latest`. */
  readonly repoTags: readonly string[];
  /** Familiar: `alpine@sha256:…`. */
  readonly repoDigests: readonly string[];
  /** Canonical names of the records. */
  readonly names: readonly string[];
  readonly target: string;
  /** The one that the ID is of: this machine's where the store has it. */
  readonly platform: string;
  /** All that the store has, that one first. */
  readonly platforms: readonly ImagePlatform[];
  /** Milliseconds since the epoch, of the configuration. */
  readonly createdAt: number;
  /** Bytes of the unpacked layers, or of the stored ones where they are not unpacked; all platforms. */
  readonly size: number;
  /** Bytes of configurations and layers as stored, compressed; all platforms. */
  readonly contentSize: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an image is on one of its platforms. */
export interface ImagePlatform {
  readonly platform: string;
  /** Digest of the configuration. */
  readonly id: string;
  readonly manifest: string;
  /** As in {@link ImageSummary}, of this platform alone. */
  readonly size: number;
  readonly contentSize: number;
}

/** One thing that `remove` did. */
export type ImageRemoval =
  | { readonly untagged: string }
  | { readonly deleted: string };

/** What a push is doing; one blob per `id`. */
export interface PushProgress {
  readonly status: "waiting" | "pushing" | "exists" | "mounted" | "pushed";
  /** Digest of the blob. */
  readonly id: string;
  /** Bytes so far and in total. */
  readonly current?: number;
  readonly total: number;
  /** The repository that it was mounted from. */
  readonly message?: string;
}

/** What a push brought to the registry. */
export interface PushedImage {
  /** Canonical. */
  readonly name: string;
  /** Digest that the name has there. */
  readonly target: string;
  /** Bytes of that manifest or index. */
  readonly size: number;
  /** False when the store has not all platforms of the image, and one was pushed. */
  readonly whole: boolean;
}

/** When to ask the registry. */
export type PullPolicy = "always" | "missing" | "never";

/** What a pull is doing; one layer or blob per `id`. */
export interface ImageProgress {
  /** `resolving`, then per layer `waiting`, `downloading`, `unpacking`, `exists`, `done`; at the end `done` without ID. */
  readonly status: "resolving" | "waiting" | "downloading" | "unpacking" | "exists" | "done";
  /** Digest of the layer; absent when it is about the whole image. */
  readonly id?: string;
  /** Compressed bytes so far and in total. */
  readonly current?: number;
  readonly total?: number;
  readonly message?: string;
}
