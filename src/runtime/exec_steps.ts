/**
 * The last steps of every process: `execve`, and what its failure means.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { AT, ERRNO, errnoName } from "../linux/mod.ts";
import type { OciProcess } from "../oci/mod.ts";
import { type ProgramBuilder, type Ref, strings } from "../program/mod.ts";
import { GO_FD, STATUS_FD, waitSteps } from "./process_steps.ts";

/** The steps that execute, and after them, for the error message, those that look what was there. */
export interface ExecAttempts {
  readonly command: string;
  readonly execs: readonly Ref[];
  readonly exists: readonly Ref[];
}

/** Say that all is ready, wait for the go, execute. */
export function execSteps(p: ProgramBuilder, process: OciProcess): ExecAttempts {
  p.step("write", [STATUS_FD, new Uint8Array([0x72]), 1], { name: "report ready" });
  waitSteps(p, GO_FD);
  const command = process.args[0]!;
  const argv = strings(process.args);
  const env = strings(process.env ?? []);
  const candidates = executableCandidates(command, process.env ?? []);
  const about = { name: "execute", subject: command, mayFail: true };
  const execs = candidates.map((path) => p.step("execve", [path, argv, env], about));
  const exists = candidates.map((path) => p.step("faccessat", [AT.AT_FDCWD, path, 0], about));
  p.step("execve", [candidates[candidates.length - 1]!, argv, env], {
    name: "execute",
    subject: command,
  });
  return { command, execs, exists };
}

/** The paths that execvp(3) would try, in order. */
export function executableCandidates(command: string, env: readonly string[]): string[] {
  if (command.includes("/")) return [command];
  const path = env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ??
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${command}`);
}

/** Docker's words for a command that cannot be executed, which callers look for. */
export function execError(
  { command, execs, exists }: ExecAttempts,
  result: (ref: Ref) => number,
): SyscallError {
  const errnos = execs.map((ref) => -result(ref));
  const present = exists.map((ref) => result(ref) === 0);
  const elsewhere = (errno: number) => errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR;
  // What is wrong with something that is there tells more than that it is not in other places.
  const telling = errnos.find((errno, index) => !elsewhere(errno) || present[index]);
  const errno = telling ?? errnos.at(-1)!;
  const incomplete = telling !== undefined && elsewhere(telling);
  const reasons: Readonly<Record<number, string>> = {
    [ERRNO.EACCES]: "permission denied",
    [ERRNO.ENOEXEC]: 'exec format error: wrong architecture, or a script without "#!"',
    [ERRNO.ENOENT]: command.includes("/") || incomplete
      ? "no such file or directory"
      : "executable file not found in $PATH",
    [ERRNO.ENOTDIR]: "not a directory",
  };
  return new SyscallError({
    code: elsewhere(errno) ? "not_found" : "permission_denied",
    operation: "execute",
    subject: command,
    syscall: "execve",
    args: [JSON.stringify(command)],
    errno,
    errnoName: errnoName(errno),
    ...reasons[errno] === undefined ? {} : { reason: reasons[errno]! },
    ...incomplete
      ? { hint: 'the file is there, so its loader or the interpreter after "#!" is missing' }
      : {},
  });
}
