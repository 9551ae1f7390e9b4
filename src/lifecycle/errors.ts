/**
 * Errors in the words that callers of an OCI runtime look for in its output.
 *
 * @module
 */

import { CtrError, type ErrorCode } from "../errors.ts";

/** An error about a container. */
export function containerError(
  code: ErrorCode,
  { operation, id, reason }: {
    readonly operation: string;
    readonly id: string;
    readonly reason: string;
  },
): CtrError {
  return new CtrError({ code, operation: `${operation} container`, subject: id, reason });
}

/** The container that a command is about is not there. */
export function noContainer(operation: string, id: string): CtrError {
  return containerError("not_found", { operation, id, reason: "container does not exist" });
}

/** The container is in no state for this. */
export function wrongStatus(operation: string, id: string, reason: string): CtrError {
  return containerError("failed_precondition", { operation, id, reason });
}
