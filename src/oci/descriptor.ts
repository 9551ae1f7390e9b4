/**
 * Descriptors: what points to a blob.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md
 * @module
 */

import { CtrError } from "../errors.ts";
import { isDigest } from "./digest.ts";
import type { Platform } from "./platform.ts";

/** Points to a blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** In an index. */
  readonly platform?: Platform | undefined;
  readonly urls?: readonly string[] | undefined;
  readonly artifactType?: string | undefined;
}

/**
 * Read a descriptor from a document that somebody else wrote. Unknown members are left out, so that
 * nothing unchecked passes on.
 *
 * @param where digest of the document, for the message
 * @throws {CtrError} `data_loss` when it is malformed.
 */
export function readDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw malformed(where, "a descriptor is not an object");
  const { mediaType, digest, size, annotations, platform, urls, artifactType } = value;
  if (!isDigest(digest)) throw malformed(where, `${quote(digest)} is not a digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw malformed(where, `the size of ${digest} is ${quote(size)}`);
  }
  if (typeof mediaType !== "string" || mediaType === "" || mediaType.length > 255) {
    throw malformed(where, `the media type of ${digest} is ${quote(mediaType)}`);
  }
  const read = readPlatform(platform);
  return {
    mediaType,
    digest,
    size,
    ...isRecord(annotations) ? { annotations } : {},
    ...read === undefined ? {} : { platform: read },
    ...isStrings(urls) ? { urls } : {},
    ...typeof artifactType === "string" ? { artifactType } : {},
  };
}

/** The platform of an entry; what is malformed fits no machine. */
function readPlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof architecture !== "string" || architecture === "") return undefined;
  return {
    os: typeof os === "string" && os !== "" ? os : "linux",
    architecture,
    ...typeof variant === "string" && variant !== "" ? { variant } : {},
  };
}

/** An object that is neither null nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object whose values are strings. */
export function isRecord(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((each) => typeof each === "string");
}

/** An array of strings. */
export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

/** What a document says, short enough for a message. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** The error for a document that is not what it should be. */
export function malformed(subject: string, reason: string, cause?: unknown): CtrError {
  return new CtrError({ code: "data_loss", operation: "read image", subject, reason, cause });
}
