/**
 * Errors for calls and steps that failed.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { errnoName } from "../linux/mod.ts";
import type { Arg, Failure } from "./types.ts";

/** A failed step as an error that names the call, its arguments and the errno. */
export function toError(
  failure: Failure,
  options: { operation?: string; subject?: string; hint?: string } = {},
): SyscallError {
  const { syscall, args, options: step } = failure.step;
  return syscallError(syscall, args.map(argText), failure.errno, {
    operation: options.operation ?? step.name ?? syscall,
    ...(options.subject ?? step.subject) === undefined
      ? {}
      : { subject: options.subject ?? step.subject! },
    ...options.hint === undefined ? {} : { hint: options.hint },
  });
}

/** An error for a call that returned `-errno`. */
export function syscallError(
  syscall: string,
  args: readonly string[],
  errno: number,
  options: { operation: string; subject?: string; hint?: string },
): SyscallError {
  return new SyscallError({ ...options, syscall, args, errno, errnoName: errnoName(errno) });
}

function argText(arg: Arg): string {
  if (typeof arg === "number") return String(arg);
  if (typeof arg === "string") return JSON.stringify(arg);
  if ("step" in arg) return `<result of step ${arg.step}>`;
  if ("from" in arg) return "<what an earlier step wrote>";
  if (arg instanceof Uint8Array) return `{${arg.length} bytes}`;
  return arg.text ?? `{${arg.bytes.length} bytes}`;
}
