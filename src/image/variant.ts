/**
 * From stored rows to images, and the platform they are stored under.
 *
 * @module
 */

import { arch } from "../../ffi/mod.ts";
import type { ImageVariant } from "../state/mod.ts";
import type { ImageDocuments } from "./documents.ts";
import type { Image } from "./types.ts";

/** The platform of this machine. */
export const THIS_PLATFORM: string = arch === "x86_64" ? "linux/amd64" : "linux/arm64";

/** The platform of what no container is made of. */
export const ARTIFACT = "unknown/unknown";

/** The spelling of a platform that variants are stored under; default: this machine's. */
export function normalizePlatform(text: string | undefined): string {
  if (text === undefined || text === "") return THIS_PLATFORM;
  const parts = text.toLowerCase().split("/");
  if (parts.length === 1) {
    return parts[0] === "linux" ? THIS_PLATFORM : normalizePlatform(`linux/${text}`);
  }
  const [os, cpu, variant] = parts as [string, string, string?];
  const [name, implied] = ({
    x86_64: ["amd64"],
    "x86-64": ["amd64"],
    aarch64: ["arm64"],
    armhf: ["arm", "v7"],
    armel: ["arm", "v6"],
    i386: ["386"],
    arm: ["arm", "v7"],
  } as Record<string, [string, string?]>)[cpu] ?? [cpu];
  const last = variant ?? implied;
  if (
    last === undefined || (name === "arm64" && last === "v8") || (name === "amd64" && last === "v1")
  ) {
    return `${os}/${name}`;
  }
  return `${os}/${name}/${last}`;
}

/** An image of the store, and whether the snapshotter in use has its layers. */
export interface StoredImage {
  readonly image: Image;
  readonly unpacked: boolean;
}

/** The row of an image that was unpacked from these documents. */
export function variantOf(
  { manifest, configDescriptor, configText, layers }: ImageDocuments,
  { target, platform, chainId }: Pick<ImageVariant, "target" | "platform" | "chainId">,
): ImageVariant {
  return {
    target,
    platform,
    manifest: manifest.digest,
    id: configDescriptor.digest,
    chainId,
    size: layers.reduce((sum, { size }) => sum + size, configDescriptor.size),
    config: configText,
  };
}

/** An image as the engine uses it. */
export function toImage(name: string, variant: ImageVariant): Image {
  const { target, platform, manifest, id, chainId, size, config } = variant;
  return {
    name,
    target,
    manifest,
    id,
    platform,
    chainId: chainId === "" ? undefined : chainId,
    config: JSON.parse(config),
    size,
  };
}
