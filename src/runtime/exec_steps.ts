/**
 * The last steps of every process: `execve`, and what its failure means.
 *
 * @module
 */

import { SyscallError } from "../errors.ts";
import { AT, ERRNO, errnoName } from "../linux/mod.ts";
import type { OciProcess } from "../oci/mod.ts";
import { type ProgramBuilder, type Ref, strings } from "../program/mod.ts";
import type { Check } from "./protect_steps.ts";
import { type KeptFds, waitSteps } from "./process_steps.ts";

/** The steps that execute, and after them, for the error message, those that look what was there. */
export interface ExecAttempts {
  readonly command: string;
  readonly execs: readonly Ref[];
  readonly exists: readonly Ref[];
}

/** Say that all is ready, wait for the go, execute. */
export function execSteps(
  p: ProgramBuilder,
  process: OciProcess,
  { kept, executable }: { readonly kept: KeptFds; readonly executable?: string | undefined },
): ExecAttempts {
  p.step("write", [kept.status, new Uint8Array([0x72]), 1], { name: "report ready" });
  waitSteps(p, kept.go);
  const command = executable ?? process.args[0]!;
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

/**
 * Look whether there is something to execute, without executing it: `create` fails then, not `start`.
 * What a filter forbids to look at is found out by `start`.
 *
 * @returns throws what {@link execError} makes of it
 */
export function lookUpSteps(p: ProgramBuilder, process: OciProcess): Check {
  const command = process.args[0]!;
  const candidates = executableCandidates(command, process.env ?? []);
  const about = { name: "look up", subject: command, mayFail: true };
  const X_OK = 1;
  const looks = candidates.map((path) => ({
    executable: p.step("faccessat", [AT.AT_FDCWD, path, X_OK], about),
    directory: p.step("faccessat", [AT.AT_FDCWD, `${path}/.`, 0], about),
    present: p.step("faccessat", [AT.AT_FDCWD, path, 0], about),
  }));
  return (result) => {
    const errnos = looks.map(({ executable, directory }) =>
      result(directory) === 0 ? ERRNO.EACCES : -result(executable)
    );
    const unknown = (errno: number) => errno === ERRNO.EPERM || errno === ERRNO.ENOSYS;
    if (errnos.some((errno) => errno === 0 || unknown(errno))) return;
    throw execError({
      command,
      execs: looks.map(({ executable }) => executable),
      exists: looks.map(({ present }) => present),
    }, (ref) => {
      const index = looks.findIndex(({ executable }) => executable === ref);
      return index < 0 ? result(ref) : -errnos[index]!;
    });
  };
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
