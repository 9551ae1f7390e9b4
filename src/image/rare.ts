/**
 * What is done with images besides starting containers from them. Each verb loads its own file.
 *
 * @module
 */

import type { Images, ImagesOptions } from "./images.ts";

/** The verbs; those that `images.ts` hands on here. */
export type RareImages = Omit<Images, "resolve" | "ensure" | "pull">;

/** All of them. Nothing is loaded yet. */
export function rareImages(options: ImagesOptions): RareImages {
  return {
    convert: async (source, target, how) =>
      (await import("./convert.ts")).convertImage(options, source, target, how),
    history: async (reference, { platform } = {}) =>
      (await import("./history.ts")).imageHistory(options, reference, platform),
    inspect: async (reference, { platform } = {}) =>
      (await import("./inspect.ts")).inspectImage(options, reference, platform),
    list: async () => (await import("./list.ts")).listImages(options),
    load: async (source, how) => (await import("./load.ts")).loadImages(options, source, how),
    make: async (image) => (await import("./make.ts")).makeImage(options, image),
    push: async (reference, how = {}) =>
      (await import("./push.ts")).pushImage(options, reference, how),
    remoteTags: async function* (repository) {
      const { Registry } = await import("../pull/mod.ts");
      yield* new Registry({ ...await options.access?.(), repository }).tags();
    },
    remove: async (reference, how = {}) =>
      (await import("./remove.ts")).removeImage(options, reference, how),
    save: async function* (references, how) {
      yield* (await import("./save.ts")).saveImages(options, references, how);
    },
    tag: async (source, target) => (await import("./tag.ts")).tagImage(options, source, target),
    verify: async (name, policy, { digest, signal } = {}) => {
      const { verifyImage } = await import("./verify/verify.ts");
      const tuf = { cache: `${options.state.dirs.data}/sigstore`, ...policy.tuf };
      const access = await options.access?.();
      return await verifyImage({ name, digest, access, signal }, { ...policy, tuf });
    },
  };
}
