/**
 * Searching Docker Hub, or a registry that has its old API for that.
 *
 * @see https://docs.docker.com/reference/cli/docker/search/
 * @module
 */

import { CtrError } from "../errors.ts";
import { hostOf } from "./docker_config.ts";
import { openTransports } from "./endpoint.ts";
import type { RegistryAccess } from "./types.ts";

/** A repository that was found. */
export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
  readonly automated: boolean;
}

const MAX_ANSWER = 8 << 20;

/**
 * Search.
 *
 * @param term words, or `HOST/words` for another registry than Docker Hub
 * @throws {RegistryError} `not_found` where there is no such API; `unavailable` without a network
 */
export async function search(
  term: string,
  options: RegistryAccess & { readonly limit?: number | undefined } = {},
): Promise<SearchResult[]> {
  const slash = term.indexOf("/");
  const first = slash < 0 ? "" : term.slice(0, slash);
  const other = /[.:]/.test(first) || first === "localhost";
  const registry = other ? hostOf(first) : "docker.io";
  const words = other ? term.slice(slash + 1) : term.replace(/^library\//, "");
  const [transport] = await openTransports(registry, options, {
    subject: term,
    operation: "search for",
    scopes: [],
  });
  const url = registry === "docker.io"
    ? new URL("https://index.docker.io/v1/search")
    : transport.url("/v1/search");
  url.searchParams.set("q", words);
  url.searchParams.set("n", String(options.limit ?? 25));
  const bytes = await transport.again(async () => {
    const response = await transport.send(url, { headers: { Accept: "application/json" } });
    return await transport.bytes(response, MAX_ANSWER);
  });
  return parse(term, new TextDecoder().decode(bytes));
}

function parse(subject: string, text: string): SearchResult[] {
  try {
    const { results } = JSON.parse(text) as { results: Record<string, unknown>[] };
    return results.map((each) => ({
      name: String(each["name"] ?? ""),
      description: String(each["description"] ?? ""),
      stars: Number(each["star_count"] ?? 0),
      official: each["is_official"] === true,
      automated: each["is_automated"] === true,
    }));
  } catch (cause) {
    throw new CtrError({
      code: "data_loss",
      operation: "search for",
      subject,
      reason: "the registry answers with something that is no list of results",
      cause,
    });
  }
}
