/**
 * A layer as it is stored, to files: decompressed, verified and applied while it comes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { decompress } from "../content/mod.ts";
import { CtrError } from "../errors.ts";
import { type ApplyResult, applyTar, type ApplyTarget } from "../snapshot/mod.ts";

/** What becomes of a layer. Plain data: it may go to another thread. */
export interface UnpackTask {
  readonly target: ApplyTarget;
  /** The digest that the uncompressed tar must have. */
  readonly diffId: string;
}

/**
 * Unpack a layer.
 *
 * @param source its blob, compressed or not. All of it is read.
 * @throws {CtrError} `data_loss` when it is not what `diffId` says; what was unpacked is useless then.
 */
export async function unpackTar(
  { target, diffId }: UnpackTask,
  source: AsyncIterable<Uint8Array>,
): Promise<ApplyResult> {
  return await applyTar(target, verified(decompress(source), diffId));
}

async function* verified(
  source: AsyncIterable<Uint8Array>,
  diffId: string,
): AsyncIterable<Uint8Array> {
  const [algorithm, expected] = diffId.split(":") as [string, string];
  const hash = createHash(algorithm);
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest("hex");
  if (actual !== expected) {
    throw new CtrError({
      code: "data_loss",
      operation: "unpack layer",
      subject: diffId,
      reason: `its uncompressed digest is ${algorithm}:${actual}`,
    });
  }
}
