/**
 * Unfinished blobs, in `ingest/` beside `blobs/`: `sha256-HEX` where the digest is known before, and
 * `new.…` where it is not. Whoever writes one has its file locked, so a second download of the same
 * blob waits for the first, and goes on from where it is when that dies.
 *
 * @module
 */

import { createReadStream, existsSync, mkdirSync, writeSync } from "node:fs";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { codeOf, CtrError } from "../errors.ts";
import { AT } from "../linux/mod.ts";
import { type FileLock, ProgramBuilder, runBehind, tryLockFile } from "../program/mod.ts";
import { digestPath } from "./digest.ts";
import type { Descriptor, Download, IngestOptions, Unfinished } from "./types.ts";

/** Begins the names of blobs that were taken out of the store. */
export const RETIRED = "gone.";
const LARGE = 4 << 20;
/** So many fit into one program. */
const MOST_BEHIND = 200;

const READ = { highWaterMark: 1 << 20 };

/**
 * The bytes of a blob while they are stored under `path`; see {@link BlobDirectory.ingest}.
 *
 * @param where.directory of unfinished blobs.
 */
export async function* ingestBlob(
  { digest, size }: Descriptor,
  download: Download,
  where: IngestOptions & { readonly directory: string; readonly path: string },
): AsyncGenerator<Uint8Array, void> {
  const { directory, path, resume = true, signal } = where;
  const name = digestPath(digest).replace("/", "-");
  using _claimed = await claimIngest(directory, name, signal);
  const partial = `${directory}/${name}`;
  if (existsSync(path)) { // it came from another process, while this one waited
    await rm(partial, { force: true });
    yield* createReadStream(path, READ);
    return;
  }
  const file = await open(partial, "r+");
  let end: "drop" | "keep" | "done" = "drop";
  try {
    let stored = (await file.stat()).size;
    if (stored > size || !resume) await file.truncate(stored = 0);
    const before = stored === 0
      ? undefined
      : createReadStream(partial, { ...READ, end: stored - 1 });
    const chunks = download(before)[Symbol.asyncIterator]();
    try {
      for (let at = 0;;) {
        const next = await chunks.next().catch((error) => {
          if (stored + at > 0 && codeOf(error) !== "data_loss") end = "keep";
          throw error;
        });
        if (next.done === true) break;
        const bytes = next.value;
        for (let from = Math.max(0, stored - at); from < bytes.length;) {
          // At once: it goes to memory, which takes less than asking another thread to do it.
          from += writeSync(file.fd, bytes, from, bytes.length - from, at + from);
        }
        at += bytes.length;
        yield bytes;
      }
    } finally {
      await chunks.return?.();
    }
    await rename(partial, path);
    end = "done";
  } finally {
    await file.close();
    if (end === "drop" && signal?.aborted !== true) await rm(partial, { force: true });
  }
}

/** Files that nobody writes. */
export async function* unfinished(
  directory: string,
): AsyncGenerator<Unfinished, void> {
  for (const name of await readdir(directory).catch(() => [])) {
    // One that was taken out is whole; with fs-verity it cannot even be opened for writing.
    const lock = name.startsWith(RETIRED)
      ? undefined
      : tryLockFile(`${directory}/${name}`, { shared: true });
    if (typeof lock === "string") continue;
    lock?.release();
    const found = await stat(`${directory}/${name}`).catch(() => undefined);
    if (found !== undefined) yield { name, digest: digestOf(name), size: found.size };
  }
}

/** Delete files that nobody writes, but for those of digests that are to be kept. */
export async function removeUnfinished(
  directory: string,
  keep: (digest: string) => boolean = () => false,
): Promise<void> {
  const behind = new Set(await removeRetired(directory));
  for (const name of await readdir(directory).catch(() => [])) {
    const digest = digestOf(name);
    if (behind.has(name) || (digest !== undefined && keep(digest))) continue;
    const lock = name.startsWith(RETIRED) ? undefined : tryLockFile(`${directory}/${name}`);
    if (typeof lock === "string") continue;
    await rm(`${directory}/${name}`, { force: true });
    lock?.release();
  }
}

/**
 * Delete large blobs that were taken out of the store. To give back their pages and blocks takes the
 * kernel 0.1 ms per megabyte, and nobody has to wait for it. What is left should it not come to that is
 * found the next time.
 *
 * @returns the names of files that go soon.
 */
async function removeRetired(directory: string): Promise<string[]> {
  const large: string[] = [];
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(RETIRED) || large.length === MOST_BEHIND) continue;
    const { size } = await stat(`${directory}/${name}`).catch(() => ({ size: 0 }));
    if (size >= LARGE) large.push(name);
  }
  if (large.length === 0) return large;
  const p = new ProgramBuilder("remove blobs");
  for (const name of large) {
    p.step("unlinkat", [AT.AT_FDCWD, `${directory}/${name}`, 0], { mayFail: true });
  }
  runBehind(p);
  return large;
}

function digestOf(name: string): string | undefined {
  const match = /^(sha256|sha512)-([0-9a-f]+)$/.exec(name);
  return match === null ? undefined : `${match[1]}:${match[2]}`;
}

/**
 * Take the file of an unfinished blob, which is made if it is missing. Waits, as long as it takes, while
 * another process, or this one, has it.
 *
 * @throws {CtrError} `canceled` on `signal`.
 */
async function claimIngest(
  directory: string,
  name: string,
  signal?: AbortSignal,
): Promise<FileLock> {
  for (let waitMs = 2;; waitMs = Math.min(waitMs * 2, 100)) {
    const lock = tryClaim(directory, name);
    if (lock !== undefined) return lock;
    if (signal?.aborted === true) {
      throw new CtrError({
        code: "canceled",
        operation: "download",
        subject: name,
        reason: "canceled while another process downloads it",
        cause: signal.reason,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** The same, or undefined at once while somebody has it. */
export function tryClaim(directory: string, name: string): FileLock | undefined {
  for (;;) {
    const lock = tryLockFile(`${directory}/${name}`, { create: true });
    if (lock === "missing") mkdirSync(directory, { recursive: true, mode: 0o700 });
    else return lock === "busy" ? undefined : lock;
  }
}
