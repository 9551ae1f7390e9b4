/**
 * Images by name: resolved in the store first, pulled when missing, unpacked into snapshots, listed,
 * removed; and the built-in image `host`.
 *
 * ```ts
 * const images = openImages({ state, snapshotter });          // costs nothing
 * const image = await images.ensure("alpine", { pull: "missing", onProgress });
 * const mounts = await snapshotter.prepare(containerId, image.chainId);
 * image.id; image.config.config?.Env;
 * await images.resolve("sha256:9f8e");                         // never pulls; not_found
 * await images.pull("alpine", { platform: "linux/arm64", onProgress });
 * await images.list();                                         // as `docker images`
 * await images.remove("alpine", { force: false });             // [{untagged}, {deleted}]
 * ```
 *
 * @module
 */

export { openImages } from "./images.ts";

/** Credentials that `docker login` or `ctr login` wrote down; nothing is read before they are asked for. */
export async function dockerConfigAccess(
  env: Readonly<Record<string, string | undefined>>,
): Promise<import("./sources.ts").RegistryAccess> {
  return (await import("../pull/mod.ts")).registryAccess(env);
}

export type { RemoteManifest, RemoteManifests } from "./remote.ts";

/** What a name in a registry points to; nothing is stored. See {@link RemoteManifests}. */
export const remoteManifests: typeof import("./remote.ts").remoteManifests = async (name, how) =>
  (await import("./remote.ts")).remoteManifests(name, how);

export type {
  EnsureOptions,
  FoundTarget,
  Images,
  ImagesOptions,
  PullImageOptions,
  PushImageOptions,
  RemoveImageOptions,
} from "./images.ts";
export type { CheckOptions, Finding } from "./check.ts";
export type { ImagesUsage, ImageUsage } from "./disk_usage.ts";
/** Measure, prune and check a store as a whole. */
export const housekeeping = (): Promise<typeof import("./housekeeping.ts")> =>
  import("./housekeeping.ts");
export type { LoadedImage, LoadOptions } from "./load.ts";
export type { NewImage } from "./make.ts";
export type { SaveOptions } from "./save.ts";
export type { BlobStore, Descriptor, ImageSources, RemoteImage } from "./sources.ts";
export type { ConvertOptions } from "./convert.ts";
export type { HistoryStep } from "./history.ts";
export type { Document, ImageDetails } from "./inspect.ts";
export { canonicalName, familiarName, isTransport, withoutDocker } from "./name.ts";
export type {
  SignaturePolicy,
  TufOptions,
  VerifiedImage,
  VerifiedSignature,
} from "./verify/types.ts";
export { THIS_PLATFORM } from "./variant.ts";
export type {
  Image,
  ImageConfig,
  ImagePlatform,
  ImageProgress,
  ImageRemoval,
  ImageSummary,
  PullPolicy,
  PushedImage,
  PushProgress,
} from "./types.ts";
