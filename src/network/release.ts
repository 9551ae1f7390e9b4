/**
 * What a shim does when its container has ended.
 *
 * @module
 */

import { type Directories, networksOf, openState } from "../state/mod.ts";
import { openNetworks } from "./networks.ts";

/** Take back what a container has, in a store that is not open yet. */
export async function releaseContainer(
  directories: Directories,
  container: string,
): Promise<void> {
  const state = openState(directories);
  try {
    const isAlive = () => Promise.resolve(true);
    const networks = openNetworks({ state, table: await networksOf(state), isAlive });
    try {
      networks.release(container);
    } finally {
      networks.close();
    }
  } finally {
    state.close();
  }
}
