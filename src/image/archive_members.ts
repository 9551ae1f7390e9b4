/**
 * The members of an image archive: small documents are kept, everything else goes to the store as it
 * comes, by its digest. Nothing is written under a name from the archive. Archives are hostile.
 *
 * @module
 */

import { CtrError } from "../errors.ts";
import { decompress } from "../content/mod.ts";
import { tar } from "../snapshot/mod.ts";
import type { BlobStore } from "./sources.ts";

/** Bounds what an archive makes us keep. */
const MAX_MEMBERS = 100_000;
const MAX_DOCUMENT = 8 << 20;
const DOCUMENTS = new Set(["index.json", "manifest.json", "oci-layout", "repositories"]);

/** A member's content, in the store. */
export interface Member {
  readonly digest: string;
  readonly size: number;
}

/** An archive that was read to its end. */
export interface ArchiveMembers {
  /** A document of the top level. */
  document(name: string): Uint8Array | undefined;
  /** A file, through links within the archive. */
  member(path: string): Member | undefined;
  /** Digests of all files. */
  readonly digests: readonly string[];
}

/**
 * Read an archive, plain or compressed, into the store.
 *
 * @throws {CtrError} `data_loss` for a broken archive, or a blob that is not what its name says;
 * `invalid_argument` for names that lead out of it. What was stored stays, for a sweep.
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  blobs: BlobStore,
): Promise<ArchiveMembers> {
  const { tarReader } = await tar();
  const documents = new Map<string, Uint8Array[]>();
  const members = new Map<string, Member>();
  const links = new Map<string, string>();
  let count = 0;
  let path = "";
  let take: ((bytes: Uint8Array) => void) | undefined;
  let finish = (): void => {};
  let writer: ReturnType<BlobStore["create"]> | undefined;
  const reader = tarReader({
    entry: (entry) => {
      if (++count > MAX_MEMBERS) throw refused(path, `it has more than ${MAX_MEMBERS} members`);
      path = inside(entry.path, "");
      take = undefined;
      finish = () => {};
      if (entry.type === "symlink") {
        links.set(path, inside(entry.link, path.split("/").slice(0, -1).join("/")));
      } else if (entry.type === "hardlink") links.set(path, inside(entry.link, ""));
      if (entry.type !== "file") return;
      if (entry.sparse !== undefined) throw refused(path, "it is a sparse file");
      if (DOCUMENTS.has(path)) {
        if (entry.size > MAX_DOCUMENT) throw refused(path, `it has ${entry.size} bytes`);
        const parts: Uint8Array[] = [];
        if (documents.has(path)) throw refused(path, "it is there twice");
        documents.set(path, parts);
        take = (bytes) => void parts.push(bytes.slice());
        return;
      }
      writer = blobs.create();
      take = (bytes) => writer!.write(bytes);
      finish = () => {
        const member = writer!.commit();
        writer = undefined;
        checkName(path, member.digest);
        const before = members.get(path);
        if (before !== undefined && before.digest !== member.digest) {
          throw refused(path, "it is there twice");
        }
        members.set(path, member);
      };
    },
    data: (bytes) => take?.(bytes),
    end: () => finish(),
  });
  try {
    for await (const chunk of decompress(source, { programs: true })) reader.push(chunk);
    reader.end();
  } catch (error) {
    writer?.abort();
    throw error;
  }
  return {
    document: (name) => {
      const parts = documents.get(name);
      return parts && new Uint8Array(Buffer.concat(parts));
    },
    member: (name) => {
      let at = inside(name, "");
      for (let follow = 0; follow < 8; follow++) {
        const found = members.get(at);
        if (found !== undefined) return found;
        const link = links.get(at);
        if (link === undefined) return undefined;
        at = link;
      }
      return undefined;
    },
    digests: [...members.values()].map(({ digest }) => digest),
  };
}

/** A path within the archive, clean. */
function inside(path: string, directory: string): string {
  if (path.startsWith("/")) throw refused(path, "it is an absolute name");
  const parts: string[] = directory === "" ? [] : directory.split("/");
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw refused(path, "it leads out of the archive");
  }
  return parts.join("/");
}

/** `blobs/sha256/HEX` must be that. */
function checkName(path: string, digest: string): void {
  const match = /^blobs\/(sha256)\/([^/]+)$/.exec(path);
  if (match === null || digest === `${match[1]}:${match[2]}`) return;
  throw new CtrError({
    code: "data_loss",
    operation: "read image archive",
    subject: path,
    reason: `its digest is ${digest}`,
  });
}

function refused(subject: string, reason: string): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: "read image archive",
    subject: subject.slice(0, 200),
    reason,
  });
}
