/**
 * Whether a registry takes credentials.
 *
 * @module
 */

import { codeOf, CtrError } from "../errors.ts";
import type { Credentials } from "./auth.ts";
import { openTransports } from "./endpoint.ts";
import type { RegistryAccess } from "./types.ts";

/**
 * Ask a registry.
 *
 * @returns what to remember: an identity token where the registry gives one, else the credentials
 * @throws {CtrError} `unauthenticated` when it does not take them
 */
export async function checkLogin(
  registry: string,
  credentials: Credentials,
  access: Omit<RegistryAccess, "credentials"> = {},
): Promise<Credentials> {
  const [transport] = await openTransports(
    registry,
    { ...access, credentials: () => Promise.resolve(credentials) },
    {
      subject: registry,
      operation: "log in to",
      scopes: [],
    },
  );
  try {
    const answer = await transport.again(() => transport.send(transport.url("")));
    await transport.discard(answer);
  } catch (error) {
    if (codeOf(error) !== "unauthenticated") throw error;
    throw new CtrError({
      code: "unauthenticated",
      operation: "log in to",
      subject: registry,
      reason: "unauthorized: incorrect username or password",
      cause: error,
    });
  }
  const { identityToken } = transport.options.authorizer;
  return identityToken === undefined ? credentials : { ...credentials, identityToken };
}
