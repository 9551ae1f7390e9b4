/**
 * zstd:chunked: a frame for each file of a layer, and behind them a table of contents, so that others
 * can fetch single files. Whoever does not know it sees a layer packed with zstd.
 *
 * @see https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { constants, zstdCompressSync } from "node:zlib";
import { tar } from "../snapshot/mod.ts";

type TarEntry = Parameters<
  Parameters<Awaited<ReturnType<typeof tar>>["tarReader"]>[0]["entry"]
>[0];

/** A packed layer, and the annotations of its descriptor. */
export interface ChunkedWriter {
  /** The next bytes of the tar. Valid during the call only. */
  push(chunk: Uint8Array): void;
  /** Write what is left. @returns the annotations; none when there is no table of contents */
  end(): Readonly<Record<string, string>>;
}

/** Bytes of a file that are one frame: what is kept in memory. */
const CHUNK = 4 << 20;
const MAGIC = "GNUlInUx";
const PREFIX = "io.github.containers.zstd-chunked";
/** What is not known of a file, as Go prints it. */
const NEVER = "0001-01-01T00:00:00Z";

interface Chunk {
  readonly offset: number;
  readonly endOffset: number;
  readonly chunkSize: number;
  readonly chunkOffset: number;
  readonly chunkDigest: string;
}

/** A file of the table of contents, and where its data is in the tar. */
interface Member {
  readonly entry: TarEntry;
  readonly start: number;
  readonly end: number;
  readonly hash: Hash;
  readonly chunks: Chunk[];
}

/** Pack a tar; `write` gets the packed bytes. @throws {CtrError} `data_loss` for a malformed tar */
export async function chunkedWriter(
  write: (bytes: Uint8Array) => void,
  level: number | undefined,
): Promise<ChunkedWriter> {
  const { tarReader } = await tar();
  const members: Member[] = [];
  const waiting: Member[] = []; // whose data was not all seen yet
  const reader = tarReader({
    entry: (entry, start) => {
      const size = entry.type === "file" && entry.sparse === undefined ? entry.size : 0;
      const member = { entry, start, end: start + size, hash: createHash("sha256"), chunks: [] };
      members.push(member);
      if (size > 0) waiting.push(member);
    },
    data: () => {},
    end: () => {},
  });
  const params = level === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level };
  const packed = (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes, { params });
  let position = 0; // in the tar
  let offset = 0; // in what is written
  let frame: Uint8Array[] = [];
  let frameSize = 0;
  const finishFrame = (member: Member | undefined): void => {
    if (frameSize === 0) return;
    const plain = Buffer.concat(frame);
    const bytes = packed(plain);
    write(bytes);
    member?.chunks.push({
      offset,
      endOffset: offset + bytes.length,
      chunkSize: plain.length,
      chunkOffset: position - plain.length - member.start,
      chunkDigest: digest(plain),
    });
    offset += bytes.length;
    [frame, frameSize] = [[], 0];
  };
  return {
    push: (chunk) => {
      reader.push(chunk);
      for (let at = 0; at < chunk.length;) {
        const next = waiting[0];
        const member = next !== undefined && position >= next.start ? next : undefined;
        const limit = member?.end ?? next?.start ?? Infinity;
        const size = Math.min(chunk.length - at, limit - position, CHUNK - frameSize);
        const part = chunk.slice(at, at + size);
        frame.push(part);
        frameSize += size;
        position += size;
        at += size;
        member?.hash.update(part);
        if (position < limit && frameSize < CHUNK) continue;
        finishFrame(member);
        if (position === member?.end) waiting.shift();
      }
    },
    end: (): Readonly<Record<string, string>> => {
      reader.end();
      finishFrame(undefined);
      // The table has no words for files with holes.
      if (members.some(({ entry }) => entry.sparse !== undefined)) return {};
      const text = JSON.stringify({ version: 1, entries: members.flatMap(contents) });
      const plain = new TextEncoder().encode(text);
      const table = packed(plain);
      const at = offset + 8;
      write(skippable(table));
      const footer = new DataView(new ArrayBuffer(40));
      for (const [index, value] of [at, table.length, plain.length, 1].entries()) {
        footer.setBigUint64(8 * index, BigInt(value), true);
      }
      const bytes = new Uint8Array(footer.buffer);
      bytes.set(new TextEncoder().encode(MAGIC), 32);
      write(skippable(bytes));
      return {
        [`${PREFIX}.manifest-checksum`]: digest(table),
        [`${PREFIX}.manifest-position`]: `${at}:${table.length}:${plain.length}:1`,
      };
    },
  };
}

const TYPES: Readonly<Record<string, string>> = {
  file: "reg",
  directory: "dir",
  character: "char",
};

/** The entries of a file in the table: itself, and the chunks that it has besides the first. */
function contents({ chunks, entry, hash }: Member): object[] {
  const { type, path, link, mode, size, uid, gid, deviceMajor, deviceMinor, xattrs } = entry;
  const name = text(path);
  const seconds = new Date(entry.mtimeSec * 1000).toISOString().replace(".000Z", "Z");
  const nanoseconds = String(entry.mtimeNs).padStart(9, "0").replace(/0+$/, "");
  const place = (chunk: Chunk): object => {
    if (chunks.length > 1) return chunk;
    const { offset, endOffset } = chunk;
    return { offset, endOffset };
  };
  const [first, ...others] = chunks;
  return [{
    type: TYPES[type] ?? type,
    name,
    ...type === "symlink" || type === "hardlink" ? { linkName: text(link) } : {},
    ...given({ mode, size: type === "file" ? size : 0, uid, gid }),
    modtime: nanoseconds === "" ? seconds : seconds.replace("Z", `.${nanoseconds}Z`),
    accesstime: NEVER,
    changetime: NEVER,
    ...given({ devMajor: deviceMajor, devMinor: deviceMinor }),
    ...xattrs === undefined ? {} : {
      xattrs: Object.fromEntries(
        [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
      ),
    },
    ...first === undefined ? {} : { digest: `sha256:${hash.digest("hex")}`, ...place(first) },
  }, ...others.map((chunk) => ({ type: "chunk", name, ...chunk }))];
}

/** Those that are not 0. */
function given(numbers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0));
}

/** Names are bytes, one per character. */
function text(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A frame that decompression leaves out. */
function skippable(bytes: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, 0x184d2a50, true);
  head.setUint32(4, bytes.length, true);
  return new Uint8Array(Buffer.concat([new Uint8Array(head.buffer), bytes]));
}
