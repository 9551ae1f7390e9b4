/**
 * The images of a store, compared with what is on disk: what is lost, and what is left over.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { ImageRecord, ImageVariant, State } from "../state/mod.ts";
import { chainIds } from "./chain.ts";
import { sourcesOf } from "./default_sources.ts";
import type { ImagesOptions } from "./images.ts";
import { layoutIndex } from "./layout_index.ts";
import { childrenOf, mark } from "./mark.ts";
import { usedSnapshotters } from "./snapshotters.ts";
import type { BlobStore } from "./sources.ts";

/** Something that is not as it should be. */
export interface Finding {
  /** `lost`: a person misses it. `left`: it only takes space, or is made anew by itself. */
  readonly kind: "lost" | "left";
  readonly subject: string;
  readonly reason: string;
  /** What deleting it would give back. */
  readonly bytes?: number;
}

/** How to {@link checkImages}. */
export interface CheckOptions {
  /** Read all blobs and compare their digests; else only their sizes, and the digests of documents. */
  readonly digests?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What was looked at, and found. */
export interface Checked {
  readonly images: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
}

/** Check images and blobs. What is checked cannot be collected meanwhile. */
export async function checkImages(
  options: ImagesOptions,
  { digests = false, signal }: CheckOptions = {},
): Promise<Checked> {
  const { state } = options;
  const leases = await state.leases();
  using lease = leases.take("check");
  const records = state.transaction(() => {
    const all = state.images.list();
    lease.hold("image", all.map(({ target }) => target.digest));
    return all;
  });
  const { blobs } = await sourcesOf(options);
  const findings: Finding[] = [];
  const needed = new Set<string>();
  for (const record of records) {
    findings.push(...await checkImage(state, blobs, record));
    await mark(blobs, record.target.digest, needed);
  }
  for (const { kind, name } of leases.held()) {
    if (kind === "image") await mark(blobs, name, needed);
    else if (kind === "blob") needed.add(name);
  }
  for (const { name, blobs: theirs } of await usedSnapshotters(options)) {
    for (const digest of theirs?.() ?? []) {
      if (needed.has(digest)) continue;
      needed.add(digest);
      if (await blobs.has(digest)) continue;
      const reason = `the ${name} snapshotter needs this blob, which is missing`;
      findings.push({ kind: "lost", subject: digest, reason });
    }
  }
  let [count, bytes] = [0, 0];
  for await (const digest of blobs.list()) {
    signal?.throwIfAborted();
    const size = await blobs.size(digest);
    if (size === undefined) continue;
    count++;
    bytes += size;
    if (!needed.has(digest)) {
      findings.push({
        kind: "left",
        subject: digest,
        reason: "nothing needs this blob",
        bytes: size,
      });
    } else if (digests) findings.push(...await checkDigest(blobs, digest));
  }
  for await (const { name, size } of blobs.unfinished()) {
    findings.push({ kind: "left", subject: name, reason: "an unfinished blob", bytes: size });
  }
  for (const { id, purpose } of leases.list()) {
    if (leases.isAlive(id)) continue;
    findings.push({ kind: "left", subject: id, reason: `a lease of a ${purpose} that is no more` });
  }
  findings.push(...await checkLayout(state));
  return { images: records.length, blobs: count, bytes, findings };
}

/** The documents of an image, and whether all that its platforms here need is here. */
async function checkImage(
  state: State,
  blobs: BlobStore,
  { name, target }: ImageRecord,
): Promise<Finding[]> {
  const lost = (reason: string): Finding => ({ kind: "lost", subject: name, reason });
  const variants = state.images.variants(target.digest);
  if (variants.length === 0) return [lost("it is for no platform")];
  const problem = await documentProblem(blobs, target.digest, target.size);
  if (problem !== undefined) return [lost(problem)];
  const findings: Finding[] = [];
  for (const variant of variants) {
    for (const reason of await variantProblems(blobs, variant)) {
      findings.push(lost(`${variant.platform}: ${reason}`));
    }
  }
  return findings;
}

async function variantProblems(blobs: BlobStore, variant: ImageVariant): Promise<string[]> {
  const problem = await documentProblem(blobs, variant.manifest, undefined) ??
    await documentProblem(blobs, variant.id, undefined);
  if (problem !== undefined) return [problem];
  const problems: string[] = [];
  for (const { digest, size } of await childrenOf(blobs, variant.manifest)) {
    const actual = await blobs.size(digest);
    if (actual === undefined) problems.push(`blob ${digest} is missing`);
    else if (size !== undefined && actual !== size) {
      problems.push(`blob ${digest} has ${actual} bytes, not ${size}`);
    }
  }
  const text = new TextDecoder().decode(await blobs.read(variant.id));
  if (text !== variant.config) problems.push("its configuration differs from what is recorded");
  const diffIds: string[] = JSON.parse(text).rootfs?.diff_ids ?? [];
  // The image `host` has a layer that is no archive.
  const chainId = chainIds(diffIds).at(-1) ?? "";
  if (chainId !== variant.chainId) problems.push("its layers differ from what is recorded");
  return problems;
}

async function documentProblem(
  blobs: BlobStore,
  digest: string,
  size: number | undefined,
): Promise<string | undefined> {
  const actual = await blobs.size(digest);
  if (actual === undefined) return `document ${digest} is missing`;
  if (size !== undefined && actual !== size) {
    return `document ${digest} has ${actual} bytes, not ${size}`;
  }
  try {
    await blobs.read(digest);
    return undefined;
  } catch (error) {
    return `document ${digest}: ${(error as Error).message}`;
  }
}

async function checkDigest(blobs: BlobStore, digest: string): Promise<Finding[]> {
  const [algorithm, expected] = digest.split(":") as [string, string];
  const hash = createHash(algorithm);
  for await (const chunk of blobs.stream(digest)) hash.update(chunk);
  const actual = hash.digest("hex");
  if (actual === expected) return [];
  const reason = `its bytes have the digest ${algorithm}:${actual}`;
  return [{ kind: "lost", subject: digest, reason }];
}

/** Whether other tools see the images that there are. */
async function checkLayout(state: State): Promise<Finding[]> {
  const path = `${state.dirs.data}/content/index.json`;
  const text = await readFile(path, "utf8").catch(() => undefined);
  const expected = layoutIndex(state);
  if (text === undefined && expected.length === 0) return [];
  try {
    const { manifests } = JSON.parse(text ?? "") as { manifests: unknown };
    if (JSON.stringify(manifests) === JSON.stringify(expected)) return [];
  } catch {
    // Not there, or not whole.
  }
  return [{ kind: "left", subject: path, reason: "it is out of date for other tools" }];
}
