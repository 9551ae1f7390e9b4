/**
 * The frames of zstd data. Writers put skippable frames between and after those with data (zstd:chunked
 * its table of contents, pzstd the size of what follows), and a frame per file; runtimes lose what
 * comes behind a frame's end in one piece (Deno 2.9) or do not know data that begins with a skippable
 * frame (both). So the ends of frames are found here, and skippable ones left out.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3
 * @module
 */

import { CtrError } from "../errors.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const MAGIC_BYTES = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

/** What is being read. The numbers of those before `header` are collected, the others passed. */
type State = "magic" | "skipSize" | "descriptor" | "block" | "skip" | "header" | "data" | "sum";

/** Bytes of the numbers that are collected. */
const SIZES: Partial<Record<State, number>> = { magic: 4, skipSize: 4, descriptor: 1, block: 3 };

/** Whether data begins as zstd does, with a frame of either kind. */
export function isZstd(head: Uint8Array): boolean {
  const [a = 0, b, c, d] = head;
  return (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) ||
    ((a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18);
}

/**
 * The same data without skippable frames, in pieces that have no end of a frame within.
 *
 * @throws {CtrError} `data_loss` when it ends within a frame, or is none.
 */
export async function* zstdFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let state: State = "magic";
  let left = 4; // bytes of it
  let value = 0;
  let descriptor = 0;
  let isLast = false;
  const enter = (next: State, size = SIZES[next]!): void => {
    [state, left, value] = [next, size, 0];
  };
  for await (const chunk of source) {
    let at = 0;
    let from = isInFrame(state) ? 0 : -1; // what is to be passed on
    while (at < chunk.length || left === 0) {
      const size = SIZES[state];
      if (size === undefined) {
        const step = Math.min(left, chunk.length - at);
        at += step;
        left -= step;
        if (left > 0) break;
      } else {
        value += chunk[at++]! * 2 ** (8 * (size - left));
        if (--left > 0) continue;
      }
      switch (state as State) {
        case "magic":
          if (value === MAGIC) {
            if (at < 4) yield MAGIC_BYTES; // part of it was in the piece before
            from = at < 4 ? at : at - 4;
            enter("descriptor");
          } else if ((value & 0xfffffff0) === SKIPPABLE) enter("skipSize");
          else throw malformed("there is something else behind a frame");
          break;
        case "skipSize":
          enter("skip", value);
          break;
        case "descriptor":
          descriptor = value;
          enter("header", headerSize(value));
          break;
        case "header":
          enter("block");
          break;
        case "block": {
          const type = value >> 1 & 3;
          if (type === 3) throw malformed("a block has no known type");
          isLast = (value & 1) === 1;
          enter("data", type === 1 ? 1 : value >> 3);
          break;
        }
        case "data":
          if (!isLast) {
            enter("block");
            break;
          }
          if ((descriptor & 4) !== 0) {
            enter("sum", 4);
            break;
          }
          yield chunk.subarray(from, at);
          from = -1;
          enter("magic");
          break;
        case "sum":
          yield chunk.subarray(from, at);
          from = -1;
          enter("magic");
          break;
        case "skip":
          enter("magic");
      }
    }
    if (from >= 0 && from < at) yield chunk.subarray(from, at);
  }
  if (state !== "magic" || left !== 4) throw malformed("it ends within a frame");
}

function isInFrame(state: State): boolean {
  return state !== "magic" && state !== "skip" && state !== "skipSize";
}

/** Bytes of a frame's header behind its descriptor: window, dictionary and size of the content. */
function headerSize(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const content = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  return (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]! + content;
}

function malformed(reason: string): CtrError {
  return new CtrError({ code: "data_loss", operation: "decompress layer", reason });
}
