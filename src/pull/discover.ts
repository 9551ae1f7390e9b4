/**
 * What a registry has: tags, repositories, referrers.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery
 * @module
 */

import { isNotFound } from "../errors.ts";
import { openTransports } from "./endpoint.ts";
import type { Registry } from "./registry.ts";
import type { Transport } from "./transport.ts";
import type { Descriptor, Document, RegistryAccess } from "./types.ts";

/** The media type of an index. */
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

const MAX_PAGE = 4 << 20;
const MAX_PAGES = 10_000;

/** The names of all repositories. Docker Hub and others do not tell. */
export async function* catalog(
  registry: string,
  access: RegistryAccess & { readonly pageSize?: number } = {},
): AsyncGenerator<string> {
  const [transport] = await openTransports(registry, access, {
    subject: registry,
    operation: "list repositories of",
    scopes: ["registry:catalog:*"],
  });
  yield* list(transport, "_catalog", "repositories", access.pageSize);
}

/** Names, page after page. */
export async function* list(
  transport: Transport,
  path: string,
  key: "tags" | "repositories",
  pageSize: number | undefined,
): AsyncGenerator<string> {
  for await (const { page } of pages(transport, path, pageSize)) {
    const names = page[key] ?? [];
    if (!Array.isArray(names)) throw transport.damaged(path, `the answer has no ${key}`);
    yield* names.map(String);
  }
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
    for await (const { page } of pages(transport, `${path}/referrers/${digest}${filter}`)) {
      if (Array.isArray(page["manifests"])) found.push(...page["manifests"]);
    }
  } catch (error) {
    // A registry without the API has an index under a tag.
    if (!isNotFound(error)) throw error;
    const document = await registry.manifest(referrersTag(digest)).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    if (document !== undefined) found.push(...parseReferrers(document));
  }
  // Whether the registry filtered or not.
  return artifactType === undefined
    ? found
    : found.filter((each) => each.artifactType === artifactType);
}

/** `sha256-HEX`, where referrers are without the API. */
export function referrersTag(digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** The entries of an index. */
export function parseReferrers({ bytes }: Document): Descriptor[] {
  const { manifests } = JSON.parse(new TextDecoder().decode(bytes)) as { manifests?: unknown };
  return Array.isArray(manifests) ? manifests : [];
}

async function* pages(
  transport: Transport,
  path: string,
  pageSize?: number,
): AsyncGenerator<{ readonly page: Record<string, unknown> }> {
  let url: URL | undefined = transport.url(path);
  if (pageSize !== undefined) url.searchParams.set("n", String(pageSize));
  const seen = new Set<string>();
  for (let count = 0; url !== undefined && count < MAX_PAGES; count++) {
    const at: URL = url;
    if (seen.has(at.href)) throw transport.damaged(path, "the pages go round in a circle");
    seen.add(at.href);
    const { page, next } = await transport.again(async () => {
      const response = await transport.send(at, { headers: { Accept: INDEX_TYPE } });
      const text = new TextDecoder().decode(await transport.bytes(response, MAX_PAGE));
      return { page: parse(transport, path, text), next: nextOf(response, at) };
    });
    yield { page };
    url = next;
  }
}

/** `Link: </v2/x/tags/list?n=2&last=b>; rel="next"`. */
function nextOf(response: Response, at: URL): URL | undefined {
  const match = /<([^>]+)>\s*;[^,]*\brel="?next"?/i.exec(response.headers.get("link") ?? "");
  if (match === null) return undefined;
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
