/**
 * Archives in and out: a file by name, or stdin and stdout.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { sys } from "../ffi/mod.ts";
import { CtrError } from "../src/errors.ts";
import { SYS } from "../src/program/mod.ts";
import type { Context } from "./command.ts";
import { isTerminal } from "./terminal.ts";

/** How to {@link writeArchive}. */
export interface ArchiveTarget {
  /** `save`, for the messages. */
  readonly verb: string;
  /** Default stdout, unless that is a terminal. */
  readonly path: string | undefined;
}

/** Write an archive. A file appears whole or not at all. */
export async function writeArchive(
  context: Context,
  { verb, path }: ArchiveTarget,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (path === undefined) {
    if (isTerminal(1)) throw refused(verb, "stdout", "it is a terminal", "use --output");
    for await (const chunk of source) context.out(chunk);
    return;
  }
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw refused(verb, path, "it is a directory");
  // A device or a pipe is written to, not replaced.
  const target = there === undefined || there.isFile() ? `${path}.${process.pid}.tmp` : path;
  let file: Awaited<ReturnType<typeof open>> | undefined;
  try {
    for await (const chunk of source) {
      file ??= await open(target, target === path ? "w" : "wx", 0o600);
      for (let at = 0; at < chunk.length;) {
        at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
      }
    }
    await file?.close();
    if (target !== path) await rename(target, path);
  } catch (error) {
    await file?.close().catch(() => {});
    if (target !== path && file !== undefined) await rm(target, { force: true });
    throw ofFile(verb, path, error);
  }
}

/** Read an archive from a file, or from stdin unless that is a terminal. */
export async function* readArchiveFile(
  verb: string,
  path: string | undefined,
): AsyncGenerator<Uint8Array, void> {
  if (path === undefined) {
    if (isTerminal(0)) throw refused(verb, "stdin", "it is a terminal", "use --input or a pipe");
    yield* standardInput();
    return;
  }
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 });
  } catch (error) {
    throw ofFile(verb, path, error);
  }
}

/** Stdin, whatever it is; each read waits. */
async function* standardInput(): AsyncGenerator<Uint8Array, void> {
  const [EINTR, EAGAIN] = [-4, -11];
  const buffer = new Uint8Array(1 << 18);
  for (;;) {
    const got = sys(SYS.read, 0, buffer, buffer.length);
    if (got > 0) yield buffer.slice(0, got);
    else if (got === EAGAIN) {
      const POLLIN = 1;
      sys(SYS.ppoll, new Uint8Array(new Int32Array([0, POLLIN]).buffer), 1, 0, 0, 0);
    } else if (got !== EINTR) return;
  }
}

function ofFile(verb: string, path: string, error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (typeof code !== "string" || !/^E[A-Z]+$/.test(code)) return error;
  const reason = ({
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EISDIR: "it is a directory",
    ENOSPC: "no space left on device",
  } as Record<string, string>)[code] ?? code;
  return refused(verb, path, reason, undefined, error);
}

function refused(
  verb: string,
  subject: string,
  reason: string,
  hint?: string,
  cause?: unknown,
): CtrError {
  return new CtrError({
    code: "invalid_argument",
    operation: verb === "load" || verb === "import" ? `${verb} from` : `${verb} to`,
    subject,
    reason,
    ...hint === undefined ? {} : { hint },
    cause,
  });
}
