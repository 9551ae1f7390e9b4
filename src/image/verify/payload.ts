/**
 * What is signed: cosign's payload (Red Hat's simple signing), or an in-toto statement. Only bytes
 * whose signature was verified come here.
 *
 * @module
 */

import { CtrError } from "../../errors.ts";
import type { SignaturePolicy } from "./types.ts";

/** The predicate of what `cosign sign` makes; other statements say something else of an image. */
const SIGN = "https://sigstore.dev/cosign/sign/v1";

/** The payload, when it is about this image and has the annotations. @throws {CtrError} else */
export function checkPayload(
  bytes: Uint8Array,
  digest: string,
  { annotations = {} }: SignaturePolicy,
): unknown {
  const payload = parse(bytes) as {
    critical?: { type?: unknown; image?: { "docker-manifest-digest"?: unknown } };
    optional?: Record<string, unknown> | null;
  };
  const signed = payload.critical?.image?.["docker-manifest-digest"];
  if (payload.critical?.type !== "cosign container image signature") {
    throw refused(`it is no signature of an image but ${text(payload.critical?.type)}`);
  }
  if (signed !== digest) throw refused(`it is for ${text(signed)}`);
  for (const [name, value] of Object.entries(annotations)) {
    const actual = payload.optional?.[name];
    if (actual !== value) throw refused(`its annotation ${text(name)} is ${text(actual)}`);
  }
  return payload;
}

/** The statement of an envelope, when it signs this image. @throws {CtrError} else */
export function checkStatement(
  type: string,
  bytes: Uint8Array,
  digest: string,
  { annotations = {} }: SignaturePolicy,
): unknown {
  if (type !== "application/vnd.in-toto+json") throw refused(`it is ${text(type)}`);
  const statement = parse(bytes) as {
    predicateType?: unknown;
    subject?: { digest?: Record<string, unknown>; annotations?: Record<string, unknown> }[];
  };
  if (statement.predicateType !== SIGN) {
    throw refused(`it does not sign but states ${text(statement.predicateType)}`);
  }
  const [algorithm = "", hex] = digest.split(":");
  const subjects = Array.isArray(statement.subject) ? statement.subject : [];
  const subject = subjects.find((each) => each?.digest?.[algorithm] === hex);
  if (subject === undefined) {
    throw refused(`it is for ${text(subjects.map((each) => each?.digest?.[algorithm]).join())}`);
  }
  for (const [name, value] of Object.entries(annotations)) {
    const actual = subject.annotations?.[name];
    if (actual !== value) throw refused(`its annotation ${text(name)} is ${text(actual)}`);
  }
  return statement;
}

function parse(bytes: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // said below
  }
  throw refused("what it signs is not a JSON object");
}

function text(value: unknown): string {
  return JSON.stringify(value ?? "")?.slice(0, 200);
}

/** A signature that is not what is wanted. */
export function refused(reason: string, cause?: unknown): CtrError {
  return new CtrError({ code: "permission_denied", operation: "use signature", reason, cause });
}
