/**
 * Chain IDs: the name of a stack of layers.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
 * @module
 */

import { sha256 } from "../content/mod.ts";

/** The chain ID of every layer, bottom first: each is the digest of the one below and the diffID. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : sha256(`${below} ${diffId}`));
  }
  return chain;
}
