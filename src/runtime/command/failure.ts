/**
 * What a runtime says of its failure, in our words.
 *
 * @module
 */

import { CtrError, type ErrorCode } from "../../errors.ts";

/** What a failed command left. */
export interface CommandFailure {
  /** The runtime's name. */
  readonly runtime: string;
  /** `create`, `exec`, … */
  readonly command: string;
  readonly exitCode: number;
  /** The content of the file given by `--log`. */
  readonly log: string;
  /** What it printed, as far as that did not go to the container's log. */
  readonly output: string;
}

/**
 * The error of a failed command.
 *
 * @param executable the container's command, where this one was to execute it
 */
export function commandError(failure: CommandFailure, executable?: string): CtrError {
  const { runtime, command } = failure;
  const message = lastError(failure.log) ?? failure.output.trim().split("\n").at(-1) ?? "";
  const cause = new Error(`${runtime} ${command}: ${message}`);
  const about = executable === undefined ? undefined : executeFailure(message, executable);
  if (about !== undefined) {
    return new CtrError({ ...about, operation: "execute", subject: executable!, cause });
  }
  return new CtrError({
    code: codeOfMessage(message),
    operation: `${command} container with`,
    subject: runtime,
    reason: message === "" ? `it ended with exit code ${failure.exitCode}` : message,
    cause,
  });
}

/** The last error in a log of JSON lines, as runc and those after it write them. */
function lastError(log: string): string | undefined {
  let found: string | undefined;
  for (const line of log.split("\n")) {
    try {
      const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
      if (msg !== undefined && (level === "error" || level === "fatal")) found = msg;
    } catch {
      // Not a line of JSON: a panic, perhaps.
    }
  }
  return found?.trim();
}

/** Whether the command could not be executed, in the words of runc, crun and gVisor. */
function executeFailure(
  message: string,
  executable: string,
): { readonly code: ErrorCode; readonly reason: string } | undefined {
  const text = message.toLowerCase();
  const about = text.includes(executable.toLowerCase()) || text.includes("open executable");
  if (!about) return undefined;
  if (/executable file .*not found/.test(text)) {
    return { code: "not_found", reason: "executable file not found in $PATH" };
  }
  // A missing mount source or device is no missing command.
  if (/\b(u?mount\w*|chdir|device)\b/.test(text)) return undefined;
  const reasons = [
    ["no such file or directory", "not_found"],
    ["not a directory", "not_found"],
    ["permission denied", "permission_denied"],
    ["operation not permitted", "permission_denied"],
    ["is a directory", "permission_denied"],
    ["exec format error", "permission_denied"],
  ] as const;
  for (const [reason, code] of reasons) if (text.includes(reason)) return { code, reason };
  return undefined;
}

/** The words that callers of runc look for. */
function codeOfMessage(message: string): ErrorCode {
  if (/does not exist/i.test(message)) return "not_found";
  if (/not running|no such process|already finished/i.test(message)) return "not_found";
  return "internal";
}
