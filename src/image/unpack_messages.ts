/**
 * What the threads that unpack layers and the one that downloads them tell each other.
 *
 * @module
 */

import { CtrError, type CtrErrorFields, SyscallError, type SyscallErrorFields } from "../errors.ts";
import type { ApplyResult } from "../snapshot/mod.ts";
import type { UnpackTask } from "./unpack_tar.ts";

/**
 * To a thread: a layer begins; a piece of it; its end, or that it will not come. Pieces are plain
 * buffers that are given away: Deno copies a view byte by byte, at 10 MB/s.
 */
export type Order =
  | { readonly id: number; readonly begin: UnpackTask }
  | { readonly id: number; readonly chunk: ArrayBuffer }
  | { readonly id: number; readonly end: "complete" | "failed" };

/** From a thread: it is there; so many bytes are worked through; how a layer ended. */
export type Answer =
  | { readonly ready: true }
  | { readonly id: number; readonly taken: number }
  | { readonly id: number; readonly result: ApplyResult }
  | { readonly id: number; readonly error: ErrorFields };

/** An error, in what passes between threads. */
export type ErrorFields =
  | { readonly kind: "ctr"; readonly fields: CtrErrorFields }
  | { readonly kind: "syscall"; readonly fields: SyscallErrorFields }
  | { readonly kind: "other"; readonly message: string; readonly stack: string | undefined };

/** Take an error apart. Its cause becomes a text. */
export function errorFields(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { kind: "other", message: String(error), stack: undefined };
  if (!(error instanceof CtrError)) {
    return { kind: "other", message: error.message, stack: error.stack };
  }
  const { code, operation, subject, reason, hint, cause } = error;
  const fields = {
    ...{ code, operation, reason },
    ...subject === undefined ? {} : { subject },
    ...hint === undefined ? {} : { hint },
    ...cause === undefined ? {} : { cause: String(cause) },
  };
  if (!(error instanceof SyscallError)) return { kind: "ctr", fields };
  const { syscall, args, errno, errnoName } = error;
  return { kind: "syscall", fields: { ...fields, syscall, args, errno, errnoName } };
}

/** The error again. */
export function errorOf(from: ErrorFields): Error {
  if (from.kind === "ctr") return new CtrError(from.fields);
  if (from.kind === "syscall") return new SyscallError(from.fields);
  const error = new Error(from.message);
  if (from.stack !== undefined) error.stack = from.stack;
  return error;
}
