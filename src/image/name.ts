/**
 * Names of images: from what people type to the one spelling that records have, and back.
 *
 * @see https://github.com/distribution/reference
 * @module
 */

import { CtrError } from "../errors.ts";

const HUB = "docker.io";
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const HOST =
  "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?";
/** Of the path, as distribution has it. */
const MAX_PATH = 255;
const MAX_LENGTH = 1024;
const REFERENCE = new RegExp(
  `^(${HOST})/(${COMPONENT}(?:/${COMPONENT})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}))?$`,
);

/** The parts of a canonical name. */
export interface NameParts {
  /** With its registry: `docker.io/library/alpine`. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/**
 * The canonical name of a reference: `alpine` is `docker.io/library/alpine:latest`; with a digest the
 * tag is dropped, as Docker does.
 *
 * @throws {CtrError} `invalid_argument` when it is not a reference.
 */
export function canonicalName(reference: string): string {
  const official = reference.includes("/") ? "" : "library/";
  const full = hasHost(reference) ? reference : `${HUB}/${official}${reference}`;
  const match = reference.length > MAX_LENGTH ? null : REFERENCE.exec(full);
  if (match === null || match[2]!.length > MAX_PATH || /^[0-9a-f]{64}$/.test(reference)) {
    throw new CtrError({
      code: "invalid_argument",
      operation: "use image name",
      subject: reference.slice(0, 300),
      reason: /[A-Z]/.test(reference.split(/[:@]/)[0]!)
        ? "repository names are lowercase"
        : "it is not NAME[:TAG][@DIGEST]",
    });
  }
  const [, domain, path, tag, digest] = match as unknown as [
    string,
    string,
    string,
    string?,
    string?,
  ];
  const host = domain === "index.docker.io" ? HUB : domain;
  const inHub = host === HUB && !path.includes("/") ? `library/${path}` : path;
  return digest === undefined
    ? `${host}/${inHub}:${tag ?? "latest"}`
    : `${host}/${inHub}@${digest}`;
}

/** The first component is a registry when it looks like one. */
function hasHost(reference: string): boolean {
  const first = reference.slice(0, Math.max(0, reference.indexOf("/")));
  return first === "localhost" || /[.:A-Z]/.test(first);
}

/** Whether it can only be an image ID: 64 digits, or `sha256:` and at least one. */
export function isFullId(reference: string): boolean {
  return /^(?:[0-9a-f]{64}|sha256:[0-9a-f]{1,64})$/.test(reference);
}

/** True for what is an image in a file or directory, not a name: `oci:DIR`, `docker-archive:FILE`. */
export function isTransport(reference: string): boolean {
  return /^(?:oci|oci-archive|docker-archive):./.test(reference);
}

/** `docker://NAME` is NAME. */
export function withoutDocker(reference: string): string {
  return reference.startsWith("docker://") ? reference.slice("docker://".length) : reference;
}

/** Take a canonical name apart. */
export function splitName(name: string): NameParts {
  const [before, digest] = name.split("@") as [string, string?];
  const colon = before.lastIndexOf(":");
  return colon > before.lastIndexOf("/")
    ? { repository: before.slice(0, colon), tag: before.slice(colon + 1), digest }
    : { repository: before, tag: undefined, digest };
}

/** The short spelling of a canonical name or repository: `alpine:latest`. */
export function familiarName(name: string): string {
  const path = name.startsWith(`${HUB}/`) ? name.slice(HUB.length + 1) : "";
  const short = /^library\/[^/]+$/.test(path) ? path.slice("library/".length) : path;
  // It can look like something else: docker.io/a.b/c is not a.b/c.
  return short === "" || hasHost(short) || isFullId(short) ? name : short;
}
