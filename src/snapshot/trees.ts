/**
 * What other rooms ask about the trees of containers.
 *
 * @module
 */

export { changesOfContainer, type ContainerChange } from "./changes.ts";
export { layerOfContainer, tarOfContainer, tarOfDirectory } from "./container_tree.ts";
