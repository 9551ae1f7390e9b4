/**
 * xz and bzip2, which archives that people load and import may have and layers never do: by the
 * programs of that name, as Docker does it. Neither runtime has them, and what npm has is not
 * maintained or many times slower.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { CtrError } from "../errors.ts";

/** The program for data that begins like this, or undefined. */
export function programFor(head: Uint8Array): "xz" | "bzip2" | undefined {
  const text = new TextDecoder("latin1").decode(head.subarray(0, 6));
  if (text.startsWith("\xfd7zXZ\0")) return "xz";
  return /^BZh[1-9]/.test(text) ? "bzip2" : undefined;
}

/**
 * What a program makes of the data.
 *
 * @throws {CtrError} `not_found` when it is not installed; `data_loss` when the data is malformed.
 */
export async function* byProgram(
  program: "xz" | "bzip2",
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ["-d", "-c"], { stdio: ["pipe", "pipe", "pipe"] });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => told = (told + text).slice(0, 500));
  const ended = once(child, "close").then(([code]) => code as number, (error) => error as Error);
  const input = Readable.from(source, { objectMode: false });
  let failure: unknown;
  input.on("error", (error) => {
    failure = error;
    child.kill();
  });
  child.stdin.on("error", () => {}); // it ended; its exit code tells why
  input.pipe(child.stdin);
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array;
    const code = await ended;
    if (failure !== undefined) throw failure;
    if (code === 0) return;
    const isMissing = (code as { code?: unknown }).code === "ENOENT";
    throw new CtrError({
      code: isMissing ? "not_found" : "data_loss",
      operation: "decompress archive",
      reason: isMissing
        ? `it takes the program ${program}, which is not installed`
        : told.trim().replaceAll("\n", "; ") || `${program} ended with ${code}`,
    });
  } finally {
    input.destroy();
    child.kill();
    await ended;
  }
}
