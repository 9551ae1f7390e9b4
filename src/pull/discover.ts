/**
 * What a registry has: tags, repositories, referrers.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery
 * @module
 */

import { isNotFound } from "../errors.ts";
import { parseJsonObject, readDescriptor } from "../oci/mod.ts";
import { openTransports } from "./endpoint.ts";
import type { Registry } from "./registry.ts";
import type { Transport } from "./transport.ts";
import type { Descriptor, Document, ListOptions, RegistryAccess } from "./types.ts";

/** The media type of an index. */
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

const MAX_PAGE = 4 << 20;
const MAX_PAGES = 10_000;
const MAX_LINK = 8 << 10;
/** All names together: a million of an honest length. */
const MAX_NAMES = 32 << 20;
const MAX_REFERRERS = 10_000;

/** The names of all repositories. Docker Hub and others do not tell. */
export async function* catalog(
  registry: string,
  access: RegistryAccess & ListOptions = {},
): AsyncGenerator<string> {
  const [transport] = await openTransports(registry, access, {
    subject: registry,
    operation: "list repositories of",
    scopes: ["registry:catalog:*"],
  });
  yield* list(transport, "_catalog", "repositories", access);
}

/** Names, page after page. */
export async function* list(
  transport: Transport,
  path: string,
  key: "tags" | "repositories",
  { after, pageSize }: ListOptions,
): AsyncGenerator<string> {
  const seen = new Set<string>();
  let length = 0;
  for (let last = after;;) {
    const url = transport.url(path);
    if (pageSize !== undefined) url.searchParams.set("n", String(pageSize));
    if (last !== undefined) url.searchParams.set("last", last);
    let linked = false;
    let full = false;
    let fresh: string[] = [];
    for await (const { page, next } of pages(transport, url, path)) {
      const names = page[key] ?? [];
      if (!Array.isArray(names)) throw transport.damaged(path, `the answer has no ${key}`);
      fresh = names.map(String).filter((name) => !seen.has(name) && isAfter(name, last));
      full = names.length === pageSize;
      linked ||= next !== undefined;
      for (const name of fresh) {
        seen.add(name);
        if ((length += name.length) > MAX_NAMES) {
          throw transport.damaged(path, `its names have more than ${MAX_NAMES} characters`);
        }
      }
      yield* fresh;
    }
    // A full page is perhaps not the last one, if this registry names no next one.
    if (linked || !full || fresh.length === 0) return;
    last = fresh.at(-1);
  }
}

/** Not every registry knows `last`, and one that does may begin again after its last name. */
function isAfter(name: string, last: string | undefined): boolean {
  return last === undefined || name.toLowerCase() > last.toLowerCase();
}

/** What a tag or digest is, in the registry's words. */
export async function resolve(
  transport: Transport,
  path: string,
  reference: string,
  accept: string,
): Promise<Descriptor | undefined> {
  const url = transport.url(`${path}/manifests/${reference}`);
  const headers = { Accept: accept };
  const response = await transport.send(url, { method: "HEAD", headers, accept: [404] });
  await transport.discard(response);
  if (!response.ok) return undefined;
  const digest = response.headers.get("docker-content-digest") ?? "";
  const size = Number(response.headers.get("content-length") ?? NaN);
  const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]!.trim();
  const known = reference.includes(":") ? reference : digest;
  if (
    !/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(known) || !Number.isSafeInteger(size)
  ) {
    throw transport.damaged(reference, "the registry does not say what it is");
  }
  if (digest !== "" && digest.split(":")[0] === known.split(":")[0] && digest !== known) {
    throw transport.damaged(reference, `the registry says that it is ${digest}`);
  }
  return { mediaType, digest: known, size };
}

/** What refers to a manifest. */
export async function referrers(
  registry: Registry,
  transport: Transport,
  path: string,
  digest: string,
  artifactType: string | undefined,
): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  const filter = artifactType === undefined
    ? ""
    : `?artifactType=${encodeURIComponent(artifactType)}`;
  try {
    const what = `${path}/referrers/${digest}${filter}`;
    for await (const { page } of pages(transport, transport.url(what), what)) {
      for (const each of entriesOf(page, digest)) found.push(each);
      if (found.length > MAX_REFERRERS) {
        throw transport.damaged(digest, `it has more than ${MAX_REFERRERS} referrers`);
      }
    }
  } catch (error) {
    // A registry without the API has an index under a tag.
    if (!isNotFound(error)) throw error;
    const document = await registry.manifest(referrersTag(digest)).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    if (document !== undefined) return withType(parseReferrers(document), artifactType);
  }
  return withType(found, artifactType);
}

/** Whether the registry filtered or not. */
function withType(all: Descriptor[], artifactType: string | undefined): Descriptor[] {
  return artifactType === undefined
    ? all
    : all.filter((each) => each.artifactType === artifactType);
}

/** `sha256-HEX`, where referrers are without the API. */
export function referrersTag(digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** The entries of an index. @throws {CtrError} `data_loss` when it is none */
export function parseReferrers({ bytes, descriptor }: Document): Descriptor[] {
  return entriesOf(parseJsonObject(bytes, descriptor.digest), descriptor.digest);
}

function entriesOf({ manifests }: Readonly<Record<string, unknown>>, where: string): Descriptor[] {
  if (!Array.isArray(manifests)) return [];
  return manifests.slice(0, MAX_REFERRERS + 1).map((each) => readDescriptor(each, where));
}

async function* pages(
  transport: Transport,
  first: URL,
  path: string,
): AsyncGenerator<{ readonly page: Record<string, unknown>; readonly next: URL | undefined }> {
  let url: URL | undefined = first;
  const seen = new Set<string>();
  for (let count = 0; url !== undefined; count++) {
    const at: URL = url;
    if (count === MAX_PAGES) throw transport.damaged(path, `it has more than ${count} pages`);
    if (seen.has(at.href)) throw transport.damaged(path, "the pages go round in a circle");
    seen.add(at.href);
    const { page, next } = await transport.again(async () => {
      const response = await transport.send(at, { headers: { Accept: INDEX_TYPE } });
      const text = new TextDecoder().decode(await transport.bytes(response, MAX_PAGE));
      return { page: parse(transport, path, text), next: nextOf(response, at) };
    });
    yield { page, next };
    url = next;
  }
}

/** `Link: </v2/x/tags/list?n=2&last=b>; rel="next"`. */
function nextOf(response: Response, at: URL): URL | undefined {
  const header = response.headers.get("link") ?? "";
  const match = /<([^<>]+)>\s*;[^,]*\brel="?next"?/i.exec(header.slice(0, MAX_LINK));
  if (match === null || !URL.canParse(match[1]!, at.href)) return undefined;
  const next = new URL(match[1]!, at);
  return next.origin === at.origin ? next : undefined;
}

function parse(transport: Transport, path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw transport.damaged(path, "the answer is not a JSON object");
}
