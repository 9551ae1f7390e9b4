/**
 * Chain IDs: names for stacks of layers.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
 * @module
 */

/**
 * The chain ID of each layer with all those below it.
 *
 * @param diffIds bottom first
 * @param hash the `sha256:` digest of a text; passed in, because this room computes nothing
 */
export function chainIds(diffIds: readonly string[], hash: (text: string) => string): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : hash(`${below} ${diffId}`));
  }
  return chain;
}
