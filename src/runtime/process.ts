/**
 * A container's process between clone and execve: it is watched from the parent through two pipes,
 * one that gives the go and one that says "ready" and, by closing, "executed".
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError, SyscallError } from "../errors.ts";
import { ERRNO, errnoName } from "../linux/mod.ts";
import {
  call,
  close,
  pipe,
  type Ref,
  restoreDumpable,
  type Spawned,
  SYS,
  toError,
  waitFor,
} from "../program/mod.ts";
import { MASTER_FD } from "./process_steps.ts";
import type { RuntimeProcess } from "./types.ts";

/** The pipes between a parent and the child that it is about to clone. */
export class Rendezvous {
  readonly #go = pipe();
  readonly #status = pipe();
  /** The child's ends. */
  readonly goFd: number = this.#go[0];
  readonly statusFd: number = this.#status[1];
  #open = new Set<number>([...this.#go, ...this.#status]);

  /** Let the child take its next step past a go. */
  go(): void {
    call("write", "go pipe", this.#go[1], new Uint8Array([0x67]), 1);
  }

  /** Close the child's ends here, or end of file would never come. */
  childStarted(): void {
    this.#close(this.goFd);
    this.#close(this.statusFd);
  }

  /** Block until the child says ready (true), or has executed or ended (false). */
  wait(): boolean {
    const byte = new Uint8Array(1);
    while (true) {
      const got = sys(SYS.read, this.#status[0], byte, 1);
      if (got !== -ERRNO.EINTR) return got > 0;
    }
  }

  close(): void {
    for (const fd of [...this.#open]) this.#close(fd);
  }

  #close(fd: number): void {
    if (this.#open.delete(fd)) close(fd);
  }
}

/**
 * Wait until the child stands before execve, and take the pty master from it.
 *
 * @throws {SyscallError} for the step that failed; the child is reaped then
 */
export function readyProcess(options: {
  readonly child: Spawned;
  readonly pid: number;
  readonly rendezvous: Rendezvous;
  readonly operation: string;
  readonly execs: readonly Ref[];
  readonly command: string;
  readonly terminal: boolean;
  /** Looks at results that are errors only together with others. */
  readonly check?: () => void;
}): RuntimeProcess {
  const { child, rendezvous, operation } = options;
  const end = () => {
    rendezvous.close();
    close(child.pidfd);
    child.free();
    restoreDumpable();
  };
  const fail = (error: unknown): never => {
    rendezvous.close();
    waitFor(options.pid, { block: true });
    end();
    throw error;
  };
  if (!rendezvous.wait()) {
    waitFor(options.pid, { block: true });
    const failure = child.failure();
    const error = failure === undefined
      ? new CtrError({
        code: "internal",
        operation,
        reason: "the process died while it was set up",
      })
      : toError(failure, { operation: failure.step.options.name ?? operation });
    end();
    throw error;
  }
  let console: number | undefined;
  try {
    options.check?.();
    if (options.terminal) {
      const pidfd = options.pid === child.pid
        ? child.pidfd
        : call("pidfd_open", String(options.pid), options.pid, 0);
      console = call("pidfd_getfd", "terminal", pidfd, MASTER_FD, 0);
      if (pidfd !== child.pidfd) close(pidfd);
    }
  } catch (error) {
    fail(error);
  }
  return {
    pid: options.pid,
    console,
    start() {
      rendezvous.go();
      const executed = !rendezvous.wait();
      const failure = executed ? child.failure() : undefined;
      const attempts = options.execs.map((ref) => child.result(ref));
      if (failure !== undefined) {
        waitFor(options.pid, { block: true });
        if (console !== undefined) close(console);
        end();
        throw execError(options.command, attempts, failure.errno);
      }
      end();
    },
    abandon() {
      rendezvous.close(); // end of file instead of a go: the child fails
      waitFor(options.pid, { block: true });
      if (console !== undefined) close(console);
      end();
    },
  };
}

/** Docker's words for a command that cannot be executed, which callers look for. */
function execError(command: string, attempts: readonly number[], errno: number): SyscallError {
  const denied = attempts.includes(-ERRNO.EACCES);
  const number = denied ? ERRNO.EACCES : errno;
  const missing = number === ERRNO.ENOENT || number === ERRNO.ENOTDIR;
  const reasons: Readonly<Record<number, string>> = {
    [ERRNO.EACCES]: "permission denied",
    [ERRNO.ENOEXEC]: 'exec format error: wrong architecture, or a script without "#!"',
    [ERRNO.ENOENT]: command.includes("/")
      ? "no such file or directory"
      : "executable file not found in $PATH",
    [ERRNO.ENOTDIR]: "not a directory",
  };
  return new SyscallError({
    code: missing ? "not_found" : "permission_denied",
    operation: "execute",
    subject: command,
    syscall: "execve",
    args: [JSON.stringify(command)],
    errno: number,
    errnoName: errnoName(number),
    ...reasons[number] === undefined ? {} : { reason: reasons[number]! },
  });
}
