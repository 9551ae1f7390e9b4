/**
 * The credentials that `docker login` wrote down.
 *
 * @see https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
 * @module
 */

import { CtrError } from "../errors.ts";
import { readTextIfExists } from "../program/mod.ts";
import type { RegistryAccess } from "./sources.ts";

/**
 * Credentials from `$DOCKER_CONFIG/config.json`, by default `~/.docker/config.json`; none where there
 * is no such file.
 *
 * @throws {CtrError} `invalid_argument` when it is not JSON
 */
export async function dockerConfigAccess(
  env: Readonly<Record<string, string | undefined>>,
): Promise<RegistryAccess> {
  const directory = env["DOCKER_CONFIG"] || (env["HOME"] ? `${env["HOME"]}/.docker` : undefined);
  if (directory === undefined) return {};
  const path = `${directory}/config.json`;
  const text = readTextIfExists(path);
  if (text === undefined) return {};
  const { dockerConfigCredentials } = await import("../pull/mod.ts");
  try {
    return { credentials: dockerConfigCredentials(text) };
  } catch (cause) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "read credentials",
      subject: path,
      reason: (cause as Error).message,
      cause,
    });
  }
}
