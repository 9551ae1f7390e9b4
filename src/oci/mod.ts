/**
 * The vocabulary of the Open Container Initiative: types, grammars and checks, no I/O.
 *
 * Terms: a *reference* is what a person types for an image, a *descriptor* (media type, digest, size)
 * points to a blob; an *index* lists manifests by platform, a *manifest* a configuration and layers.
 *
 * @example From what is typed to what a registry is asked for
 * ```ts
 * import { formatReference, parseReference, withDefaultTag } from "./src/oci/mod.ts";
 * const reference = withDefaultTag(parseReference("alpine"));
 * console.log(formatReference(reference)); // docker.io/library/alpine:latest
 * ```
 *
 * @example From the bytes of a manifest to its layers
 * ```ts
 * const manifest = parseManifest(bytes, descriptor); // throws what is wrong with it
 * if (manifest.kind === "index") choosePlatform(manifest.manifests, { os: "linux", architecture: "arm64" });
 * else manifest.layers.map(({ digest }) => digest);
 * ```
 *
 * @module
 */

export { chainIds } from "./chain_ids.ts";
export { type Descriptor, readDescriptor } from "./descriptor.ts";
export { type Digest, type DigestAlgorithm, isDigest, parseDigest, shortId } from "./digest.ts";
export {
  type ImageConfig,
  type ImageHistory,
  type ImageRunConfig,
  parseImageConfig,
  platformOf,
} from "./image_config.ts";
export { type ImageIndex, type ImageManifest, parseJsonObject, parseManifest } from "./manifest.ts";
export * from "./media_types.ts";
export { parseProcess, parseSpec } from "./parse_spec.ts";
export {
  choosePlatform,
  formatPlatform,
  normalizePlatform,
  parsePlatform,
  type Platform,
  platformChoices,
} from "./platform.ts";
export {
  familiarReference,
  formatReference,
  idPrefix,
  isId,
  parseReference,
  type Reference,
  repositoryName,
  withDefaultTag,
} from "./reference.ts";
export type * from "./runtime_seccomp.ts";
export type * from "./runtime_spec.ts";
