/**
 * The images of a store. What a start needs is here and in `resolve.ts`; pulling, listing and
 * removing load when they are called.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import type { DeleteLater, Snapshotter } from "../snapshot/mod.ts";
import type { State } from "../state/mod.ts";
import type { ConvertOptions } from "./convert.ts";
import type { HistoryStep } from "./history.ts";
import { HOST, isHost } from "./host.ts";
import type { ImageDetails } from "./inspect.ts";
import type { LoadedImage, LoadOptions } from "./load.ts";
import type { NewImage } from "./make.ts";
import { isTransport, withoutDocker } from "./name.ts";
import type { RareImages } from "./rare.ts";
import { missing, resolveStored } from "./resolve.ts";
import type { SaveOptions } from "./save.ts";
import type { ImageSources, RegistryAccess } from "./sources.ts";
import type {
  Image,
  ImageProgress,
  ImageRemoval,
  ImageSummary,
  PullPolicy,
  PushedImage,
  PushProgress,
} from "./types.ts";
import { ARTIFACT } from "./variant.ts";

import type { SignaturePolicy, VerifiedImage } from "./verify/types.ts";

/** What images are kept in. */
export interface ImagesOptions {
  readonly state: State;
  readonly snapshotter: Snapshotter;
  /** Default: the content store under `state.dirs.data` and the registry client. */
  readonly sources?: ImageSources | undefined;
  /** How to get into registries, where a pull does not say; asked when one is talked to. */
  readonly access?: (() => Promise<RegistryAccess>) | undefined;
  /** The program of a thread that unpacks, where it is not the source: a bundle. */
  readonly unpackScript?: string | undefined;
}

/** What a name points to, in a registry or in the store. */
export interface FoundTarget {
  /** Canonical. */
  readonly name: string;
  /** Of an index or manifest. */
  readonly digest: string;
}

/** How to {@link Images.pull}. */
export interface PullImageOptions {
  /** `linux/arm64/v8`; default: this machine's. */
  readonly platform?: string | undefined;
  /** Keep what is no container image, too. */
  readonly artifacts?: boolean | undefined;
  /** Store all platforms, and unpack that one. */
  readonly allPlatforms?: boolean | undefined;
  /** Told what a name points to before anything of it is trusted; throws to refuse it. */
  readonly verify?: ((found: FoundTarget) => Promise<void>) | undefined;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Credentials by registry, and registries without TLS. */
  readonly registry?: RegistryAccess | undefined;
}

/** How to {@link Images.ensure}. */
export interface EnsureOptions extends PullImageOptions {
  /** Default `missing`. */
  readonly pull?: PullPolicy;
}

/** How to {@link Images.push}. */
export interface PushImageOptions {
  /** Push this platform only. */
  readonly platform?: string | undefined;
  /** Refuse to push less than all platforms of the image. */
  readonly allPlatforms?: boolean | undefined;
  readonly onProgress?: ((progress: PushProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Credentials by registry, and registries without TLS. */
  readonly registry?: RegistryAccess | undefined;
}

/** How to {@link Images.remove}. */
export interface RemoveImageOptions {
  readonly force?: boolean;
  /** Whether a container has a process; an image of one that does cannot be removed. */
  readonly isRunning?: (containerId: string) => boolean;
  /** Deletes what takes long; else that is waited for. */
  readonly later?: DeleteLater | undefined;
}

/** Images by name, of one store and snapshotter. */
export interface Images {
  /**
   * An image of the store, by reference, full ID, or unique prefix of an ID.
   * @throws {CtrError} `not_found`; `invalid_argument` for an ambiguous prefix or a bad reference.
   */
  resolve(reference: string, options?: { platform?: string | undefined }): Promise<Image>;
  /** An image that a container can start from: in the store and unpacked. Pulls as told. */
  ensure(reference: string, options?: EnsureOptions): Promise<Image>;
  /** Fetch, verify and unpack an image, and let the name point to it. */
  pull(reference: string, options?: PullImageOptions): Promise<Image>;
  /** The tags of a repository, canonical, in its registry. */
  remoteTags(repository: string): AsyncIterable<string>;
  /**
   * Whether the image that a registry has under a name, or that of `digest`, is signed as wanted.
   * @throws {CtrError} `permission_denied` when it is not
   */
  verify(
    reference: string,
    policy: SignaturePolicy,
    options?: { digest?: string | undefined; signal?: AbortSignal | undefined },
  ): Promise<VerifiedImage>;
  /** Bring an image to the registry of its name, with all platforms that the store has. */
  push(reference: string, options?: PushImageOptions): Promise<PushedImage>;
  /** An image of the store with its documents and all its names. @throws {CtrError} `not_found` */
  inspect(reference: string, options?: { platform?: string | undefined }): Promise<ImageDetails>;
  /** One entry per image ID, newest first. */
  list(): Promise<readonly ImageSummary[]>;
  /**
   * Untag a name, and delete the image when it was the last one.
   * @throws {CtrError} `not_found`; `conflict` when a container uses it, or an ID has several names.
   */
  remove(reference: string, options?: RemoveImageOptions): Promise<readonly ImageRemoval[]>;
  /** Give an image, by name or ID, another name. @returns the canonical one. */
  tag(source: string, target: string): Promise<string>;
  /** The tar archive of images, which every engine's `load` reads; `not_found` comes first. */
  save(references: readonly string[], options?: SaveOptions): AsyncIterable<Uint8Array>;
  /** An image in other documents, or compressed otherwise, under another name. */
  convert(source: string, target: string, options?: ConvertOptions): Promise<LoadedImage>;
  /** The images of an archive; all of them or, when one is wrong, none. */
  load(
    source: AsyncIterable<Uint8Array>,
    options?: LoadOptions,
  ): Promise<readonly LoadedImage[]>;
  /** An image of the files in a tar archive, plain or compressed, or of a container's changes. */
  make(image: NewImage): Promise<Image>;
  /** The steps that an image was made in, the last one first. */
  history(
    reference: string,
    options?: { readonly platform?: string | undefined },
  ): Promise<readonly HistoryStep[]>;
}

function unsigned(subject: string): CtrError {
  const reason = "signatures are in registries, and this is in none";
  return new CtrError({ code: "permission_denied", operation: "verify", subject, reason });
}

/** What `rare.ts` does. A start has no use for it, so that there is one line for all. */
const ASKED = [
  ...["convert", "history", "inspect", "list", "load", "make", "push", "remove", "tag"] as const,
  "verify",
] as const;

/** The images of a store. Nothing is opened or read yet. */
export function openImages(options: ImagesOptions): Images {
  const { state, snapshotter } = options;
  const pull: Images["pull"] = async (typed, how = {}) => {
    const reference = withoutDocker(typed);
    if (how.verify !== undefined && (isTransport(reference) || isHost(reference))) {
      throw unsigned(reference);
    }
    if (isTransport(reference)) {
      return await (await import("./transport.ts")).takeImage(options, reference, how);
    }
    return isHost(reference)
      ? (await import("./host_image.ts")).hostImage(options, how.platform)
      : how.allPlatforms === true
      ? (await import("./pull_platforms.ts")).pullPlatforms(options, reference, how)
      : (await import("./pull.ts")).pullImage(options, reference, how);
  };
  return {
    resolve: async (reference, { platform } = {}) => {
      const found = resolveStored(state, reference, platform, snapshotter.name);
      if (found !== undefined) return found.image;
      if (isHost(reference)) {
        return (await import("./host_image.ts")).hostImage(options, platform);
      }
      throw missing(state, reference, platform);
    },
    ensure: async (typed, how = {}) => {
      const reference = withoutDocker(typed);
      if (isTransport(reference)) return await pull(reference, how);
      const policy = how.pull ?? "missing";
      const found = policy === "always" && !isHost(reference)
        ? undefined
        : resolveStored(state, reference, how.platform, snapshotter.name);
      if (found !== undefined && how.verify !== undefined) {
        if (isHost(reference)) throw unsigned(reference);
        await how.verify({ name: found.image.name, digest: found.image.target });
      }
      if (found?.image.platform === ARTIFACT) {
        throw (await import("./artifact.ts")).noContainerOf(reference);
      }
      if (found?.unpacked === true) return found.image;
      if (found !== undefined && found.image.name !== HOST) {
        return await (await import("./unpack.ts")).unpackStored(options, found.image, how);
      }
      if (policy === "never" && !isHost(reference)) throw missing(state, reference, how.platform);
      return await pull(reference, how);
    },
    pull,
    ...Object.fromEntries(ASKED.map((name) => [name, async (...args: unknown[]) => {
      const { rareImages } = await import("./rare.ts");
      return await (rareImages(options)[name] as (...args: unknown[]) => unknown)(...args);
    }])) as unknown as Pick<RareImages, typeof ASKED[number]>,
    remoteTags: async function* (repository) {
      yield* (await import("./rare.ts")).rareImages(options).remoteTags(repository);
    },
    save: async function* (references, how) {
      yield* (await import("./rare.ts")).rareImages(options).save(references, how);
    },
  };
}
