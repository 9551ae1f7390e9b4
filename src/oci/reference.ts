/**
 * References: what people type for an image, in the grammar of distribution/reference and with
 * Docker's defaults. `alpine` is *familiar*, `docker.io/library/alpine:latest` *canonical*.
 *
 * ```text
 * reference := name [ ":" tag ] [ "@" digest ]
 * name      := [ domain "/" ] component { "/" component }
 * ```
 *
 * @see https://github.com/distribution/reference
 * @module
 */

import { CtrError } from "../errors.ts";
import { isDigest } from "./digest.ts";

/** A reference with its registry; tag and digest as they were typed. */
export interface Reference {
  /** `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** `library/alpine`. */
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const HUB = "docker.io";
const LEGACY_HUB = "index.docker.io";
const OFFICIAL = "library/";
/** Of the path, as distribution has it. */
const MAX_PATH = 255;
/** More cannot be valid: 253 of a host name, 255 of a path, 128 of a tag, 135 of a digest. */
const MAX_LENGTH = 1024;

const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const DOMAIN = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const ALGORITHM = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*";
const REFERENCE = new RegExp(
  `^(${DOMAIN})/(${COMPONENT}(?:/${COMPONENT})*)(?::(${TAG}))?(?:@(${ALGORITHM}:[0-9a-fA-F]{32,}))?$`,
);

/**
 * Parse what a person typed and complete its registry: `alpine` has the domain `docker.io` and the
 * path `library/alpine`. Tag and digest are not completed: see {@link withDefaultTag}.
 *
 * @throws {CtrError} `invalid_argument` when it is not a reference, or is a full image ID.
 */
export function parseReference(text: string): Reference {
  if (text === "") throw invalid(text, "it is empty");
  if (text.length > MAX_LENGTH) throw invalid(text, `it has more than ${MAX_LENGTH} characters`);
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw invalid(text, "64 hexadecimal digits are an image ID and not a name");
  }
  const { domain, rest } = splitDomain(text);
  const name = rest.split(":", 1)[0]!;
  if (name !== name.toLowerCase()) {
    throw invalid(text, `the repository name ${JSON.stringify(name)} must be lower case`);
  }
  const match = REFERENCE.exec(`${domain}/${rest}`);
  if (match === null) throw invalid(text, "it is not NAME[:TAG][@DIGEST]");
  const [, , path, tag, digest] = match as unknown as [string, string, string, string?, string?];
  if (path.length > MAX_PATH) {
    throw invalid(text, `the repository name has more than ${MAX_PATH} characters`);
  }
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(text, `${JSON.stringify(digest)} is not a sha256 or sha512 digest`);
  }
  return { domain, path, tag, digest };
}

/** The first component is a registry when it looks like a host: `localhost`, a dot, a port, a capital. */
function splitDomain(text: string): { readonly domain: string; readonly rest: string } {
  const slash = text.indexOf("/");
  if (slash < 0) return { domain: HUB, rest: OFFICIAL + text };
  const first = text.slice(0, slash);
  const isHost = first === "localhost" || /[.:]/.test(first) || first !== first.toLowerCase();
  const domain = !isHost || first === LEGACY_HUB ? HUB : first;
  const rest = isHost ? text.slice(slash + 1) : text;
  return { domain, rest: domain === HUB && !rest.includes("/") ? OFFICIAL + rest : rest };
}

/** With the tag `latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  const { tag, digest } = reference;
  return tag === undefined && digest === undefined ? { ...reference, tag: "latest" } : reference;
}

/** What a repository is called with its registry: `docker.io/library/alpine`. */
export function repositoryName({ domain, path }: Pick<Reference, "domain" | "path">): string {
  return `${domain}/${path}`;
}

/** The canonical spelling: `docker.io/library/alpine:3@sha256:…`, with what it has. */
export function formatReference(reference: Reference): string {
  return repositoryName(reference) + suffix(reference);
}

/** The shortest spelling that {@link parseReference} reads as the same: `alpine:3`. */
export function familiarReference(reference: Reference): string {
  const { domain, path } = reference;
  const isOfficial = path.startsWith(OFFICIAL) && path.indexOf("/", OFFICIAL.length) < 0;
  const short = isOfficial ? path.slice(OFFICIAL.length) : path;
  // A path can look like a registry's: docker.io/a.b/c is not a.b/c.
  const read = splitDomain(short);
  const same = read.domain === domain && read.rest === path && !isId(short + suffix(reference));
  return (same ? short : repositoryName(reference)) + suffix(reference);
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

/**
 * The hexadecimal digits of what may be an image ID or the beginning of one: `sha256:9f8e…`, `9f8e`.
 * A short one may be a name as well (`beef`); names go first, as in Docker.
 *
 * @returns undefined when it can only be a name
 */
export function idPrefix(text: string): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1];
}

/** Whether it can only be an image ID: 64 digits, or `sha256:` and at least one. */
export function isId(text: string): boolean {
  return /^(?:[0-9a-f]{64}|sha256:[0-9a-f]{1,64})$/.test(text);
}

function invalid(subject: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "use image name",
    subject: subject.slice(0, 300),
    reason,
  });
}
