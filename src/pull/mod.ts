/**
 * The registry client: what a repository has, fetched and verified; and what it shall have, pushed.
 *
 * @example The manifest of an image
 * ```ts
 * import { Registry } from "@x/ctr/pull";
 * const registry = new Registry({ repository: "localhost:5000/app" });
 * const { descriptor } = await registry.manifest("latest");
 * ```
 *
 * @example Every tag of a repository
 * ```ts
 * for await (const tag of registry.tags()) console.log(tag);
 * ```
 *
 * @module
 */

import { dockerConfig } from "./docker_config.ts";
import { hostsDirectories, proxySettings } from "./reach.ts";
import type { ListOptions, RegistryAccess } from "./types.ts";

export { type Credentials, dockerConfigCredentials } from "./auth.ts";
export { checkLogin } from "./login.ts";
export { type DockerConfig, dockerConfig, hostOf } from "./docker_config.ts";
export { search, type SearchResult } from "./search.ts";
export type { CredentialSource } from "./authorizer.ts";
export { Registry } from "./registry.ts";
export type {
  BlobSource,
  Descriptor,
  Document,
  ListOptions,
  PushBlobOptions,
  PushedBlob,
  RegistryAccess,
  RegistryOptions,
} from "./types.ts";
export { isLoopback, type ProxySettings, proxySettings } from "./reach.ts";
export { RegistryError } from "./registry_error.ts";

/** How a person's environment says that registries are reached: credentials, `certs.d`, proxies. */
export function registryAccess(
  env: Readonly<Record<string, string | undefined>>,
): RegistryAccess {
  return {
    credentials: dockerConfig(env).credentials,
    hostsDirs: hostsDirectories(env),
    proxy: proxySettings(env),
  };
}

/** The names of all repositories of a registry, where it tells them. */
export async function* catalog(
  registry: string,
  access: RegistryAccess & ListOptions = {},
): AsyncGenerator<string> {
  yield* (await import("./discover.ts")).catalog(registry, access);
}
