/**
 * The error family of the whole engine. One class carries a small set of codes, so that every door
 * (command line, Docker API, gRPC) maps them from one table. This module imports nothing.
 *
 * @module
 */

/** What went wrong, in the vocabulary shared by all doors. */
export type ErrorCode =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "conflict"
  | "failed_precondition"
  | "unauthenticated"
  | "permission_denied"
  | "resource_exhausted"
  | "unavailable"
  | "data_loss"
  | "not_implemented"
  | "canceled"
  | "deadline_exceeded"
  | "internal";

/** The fields of a {@link CtrError}. */
export interface CtrErrorFields {
  readonly code: ErrorCode;
  /** The verb: `pull`, `mount`, `start`. Reads as "cannot VERB". */
  readonly operation: string;
  /** What the verb was applied to; quoted in the message. */
  readonly subject?: string;
  /** Why, as a clause without a final period. */
  readonly reason: string;
  /** What the person can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * An error with a code for scripts and one composed line for people:
 * `cannot VERB "SUBJECT": REASON; HINT`.
 *
 * @example Ask by code, not by class or text
 * ```ts
 * try { await engine.inspect("web"); } catch (error) { if (!isNotFound(error)) throw error; }
 * ```
 */
export class CtrError extends Error {
  override readonly name: string = "CtrError";
  readonly code: ErrorCode;
  readonly operation: string;
  readonly subject: string | undefined;
  readonly reason: string;
  readonly hint: string | undefined;

  constructor(fields: CtrErrorFields) {
    const subject = fields.subject === undefined ? "" : ` ${JSON.stringify(fields.subject)}`;
    const hint = fields.hint === undefined ? "" : `; ${fields.hint}`;
    super(
      `cannot ${fields.operation}${subject}: ${fields.reason}${hint}`,
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.code = fields.code;
    this.operation = fields.operation;
    this.subject = fields.subject;
    this.reason = fields.reason;
    this.hint = fields.hint;
  }
}

/** The fields of a {@link SyscallError}. */
export interface SyscallErrorFields extends Omit<CtrErrorFields, "code" | "reason"> {
  readonly code?: ErrorCode;
  /** Name of the system call, e.g. `mount`. */
  readonly syscall: string;
  /** Its arguments as they would be printed by strace. */
  readonly args: readonly string[];
  /** Positive error number. */
  readonly errno: number;
  /** Symbolic name, e.g. `ENOENT`. */
  readonly errnoName: string;
  /** Overrides the text made from the errno. */
  readonly reason?: string;
}

/** A system call failed: which one, with which arguments, and the errno. */
export class SyscallError extends CtrError {
  override readonly name: string = "SyscallError";
  readonly syscall: string;
  readonly args: readonly string[];
  readonly errno: number;
  readonly errnoName: string;

  constructor(fields: SyscallErrorFields) {
    super({
      ...fields,
      code: fields.code ?? codeOfErrno(fields.errnoName),
      reason: fields.reason ?? `${textOfErrno(fields.errnoName)} (${fields.errnoName})`,
    });
    this.syscall = fields.syscall;
    this.args = fields.args;
    this.errno = fields.errno;
    this.errnoName = fields.errnoName;
  }
}

const ERRNO_TEXT: Readonly<Record<string, string>> = {
  E2BIG: "argument list too long",
  EACCES: "permission denied",
  EAGAIN: "resource temporarily unavailable",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EINVAL: "invalid argument",
  EIO: "input/output error",
  EISDIR: "is a directory",
  ELOOP: "too many levels of symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "file name too long",
  ENODEV: "no such device",
  ENOENT: "no such file or directory",
  ENOEXEC: "exec format error",
  ENOMEM: "cannot allocate memory",
  ENOSPC: "no space left on device",
  ENOSYS: "function not implemented",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  ESRCH: "no such process",
  EXDEV: "invalid cross-device link",
};

/** The text of an errno as the C library words it, or its name where we have no text. */
export function textOfErrno(name: string): string {
  return ERRNO_TEXT[name] ?? name;
}

function codeOfErrno(name: string): ErrorCode {
  switch (name) {
    case "ENOENT":
    case "ESRCH":
      return "not_found";
    case "EACCES":
    case "EPERM":
      return "permission_denied";
    case "EEXIST":
      return "already_exists";
    case "ENOSPC":
    case "ENOMEM":
    case "EMFILE":
    case "EDQUOT":
      return "resource_exhausted";
    case "EINVAL":
    case "ENOTDIR":
    case "EISDIR":
    case "ELOOP":
    case "ENAMETOOLONG":
      return "invalid_argument";
    case "ENOSYS":
    case "EOPNOTSUPP":
      return "not_implemented";
    case "EBUSY":
      return "failed_precondition";
    default:
      return "internal";
  }
}

/** The code of any error; `internal` for those that carry none of ours. */
export function codeOf(error: unknown): ErrorCode {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^[a-z_]+$/.test(code) ? code as ErrorCode : "internal";
}

/** True when the error says that the subject does not exist. */
export function isNotFound(error: unknown): boolean {
  return codeOf(error) === "not_found";
}

/** True when the error says that the subject exists already. */
export function isAlreadyExists(error: unknown): boolean {
  return codeOf(error) === "already_exists";
}
