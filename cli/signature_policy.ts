/**
 * What flags ask of an image's signatures.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { CtrError } from "../src/errors.ts";
import type { SignaturePolicy } from "../src/image/mod.ts";
import type { Context } from "./command.ts";

/** What was given; files are not read yet. */
export interface SignatureFlags {
  /** A file or `env://NAME`. */
  readonly key?: string | undefined;
  readonly identity?: string | undefined;
  readonly identityPattern?: string | undefined;
  readonly issuer?: string | undefined;
  readonly issuerPattern?: string | undefined;
  /** A file. */
  readonly trustedRoot?: string | undefined;
  /** `NAME=VALUE`. */
  readonly annotations?: readonly string[] | undefined;
}

/** The policy. @throws {CtrError} when a file cannot be read, or an annotation is none */
export async function signaturePolicy(
  context: Pick<Context, "env">,
  { key, trustedRoot, annotations = [], ...identity }: SignatureFlags,
): Promise<SignaturePolicy> {
  const { TUF_MIRROR, TUF_ROOT_JSON, CTR_TRUSTED_ROOT } = context.env; // the first two are cosign's
  const root = key === undefined ? trustedRoot ?? CTR_TRUSTED_ROOT : trustedRoot;
  return {
    ...identity,
    ...key === undefined ? {} : { key: await readKey(context, key) },
    ...root === undefined ? {} : { trustedRoot: parse(root, await read(root)) },
    tuf: { mirror: TUF_MIRROR, root: TUF_ROOT_JSON },
    annotations: Object.fromEntries(annotations.map((text) => {
      const equals = text.indexOf("=");
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
      throw refused("use --annotations", text, "it is not NAME=VALUE");
    })),
  };
}

async function readKey({ env }: Pick<Context, "env">, key: string): Promise<string> {
  const [, scheme, rest = ""] = /^([a-z0-9]+):\/\/(.*)$/.exec(key) ?? [];
  if (scheme === undefined) return await read(key);
  if (scheme !== "env") {
    const code = "not_implemented";
    const reason = `keys of ${scheme}:// are not supported`;
    const hint = "save the public key to a file";
    throw new CtrError({ code, operation: "use key", subject: key, reason, hint });
  }
  const text = env[rest];
  if (text === undefined) throw refused("use key", key, "there is no such variable");
  return text;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw refused("read", path, (cause as { code?: string }).code ?? String(cause), cause);
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused("use trusted root", path, "it is not JSON", cause);
  }
}

function refused(operation: string, subject: string, reason: string, cause?: unknown): CtrError {
  return new CtrError({ code: "invalid_argument", operation, subject, reason, cause });
}
