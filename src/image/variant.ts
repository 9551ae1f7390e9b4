/**
 * From stored rows to images.
 *
 * @module
 */

import { arch } from "../../ffi/mod.ts";
import type { ImageVariant } from "../state/mod.ts";
import type { Image } from "./types.ts";

/** The platform of this machine. */
export const THIS_PLATFORM: string = arch === "x86_64" ? "linux/amd64" : "linux/arm64";

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
