/**
 * The registry client: what a repository has, fetched and verified.
 *
 * @example The manifest of an image
 * ```ts
 * import { Registry } from "@x/ctr/pull";
 * const registry = new Registry({ repository: "localhost:5000/app" });
 * const { descriptor } = await registry.manifest("latest");
 * ```
 *
 * @module
 */

export { type Credentials, dockerConfigCredentials } from "./auth.ts";
export { type Descriptor, type Document, Registry, type RegistryOptions } from "./registry.ts";
export { isLoopback } from "./reach.ts";
export { RegistryError } from "./registry_error.ts";
