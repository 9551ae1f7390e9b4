/**
 * A container's process between clone and execve: it is watched from the parent through two pipes,
 * one that gives the go and one that says "ready" and, by closing, "executed".
 *
 * @module
 */

import { sys } from "../../ffi/mod.ts";
import { CtrError } from "../errors.ts";
import { ERRNO, SIGNALS } from "../linux/mod.ts";
import type { OciProcess } from "../oci/mod.ts";
import {
  call,
  close,
  exitCodeOf,
  isChild,
  kill,
  pipe,
  type Ref,
  type Spawned,
  SYS,
  toError,
  waitFor,
} from "../program/mod.ts";
import { type ExecAttempts, execError } from "./exec_steps.ts";
import type { Check } from "./protect_steps.ts";
import type { CreateOptions, KeeperProcess, RuntimeProcess } from "./types.ts";

/** The pipes between a parent and the child that it is about to clone. */
export class Rendezvous {
  readonly #go = pipe();
  readonly #status = pipe();
  /** The child's ends. */
  readonly goFd: number = this.#go[0];
  readonly statusFd: number = this.#status[1];
  readonly #open = new Set<number>([...this.#go, ...this.#status]);

  /** All descriptors that the child's program refers to. */
  descriptors(
    { stdio, preserveFds = 0 }: Pick<CreateOptions, "stdio" | "preserveFds">,
    { terminal, others = [] }: { readonly terminal?: boolean; readonly others?: Iterable<number> },
  ): number[] {
    const fds = [this.goFd, this.statusFd];
    if (terminal !== true) fds.push(stdio.stdin, stdio.stdout, stdio.stderr);
    for (let fd = 3; fd < 3 + preserveFds; fd++) fds.push(fd); // Array.from costs 0.1 ms the first time
    fds.push(...others);
    return fds;
  }

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

/** A child that was cloned, until it has executed or is given up. */
export class Child {
  readonly spawned: Spawned;
  readonly rendezvous: Rendezvous;
  /** The container's process: the cloned one, or what that has cloned. */
  pid: number;
  /** Its parent, where that is not this process. */
  readonly keeper: KeeperProcess | undefined;
  #ended = false;
  #reaped = false;

  /** @param wake the keeper's pipe, whose owner this becomes */
  constructor(spawned: Spawned, rendezvous: Rendezvous, wake?: number) {
    this.spawned = spawned;
    this.rendezvous = rendezvous;
    this.pid = spawned.pid;
    this.keeper = wake === undefined ? undefined : keeperProcess(spawned, wake);
    rendezvous.childStarted();
  }

  /** It has said that it is ready: with a keeper, it is only now known who it is. */
  ready(): void {
    if (this.keeper !== undefined) this.pid = this.spawned.keptPid();
  }

  /**
   * The cloned process has cloned another and ends: reap it, and go on with the other.
   *
   * @throws {CtrError} `internal` when it is not a child of ours: who may trace every process of a
   * container may have written to the results of one that joins it, and we would signal another
   */
  follow(second: { readonly step: number }): void {
    const ended = waitFor(this.spawned.pid, { block: true });
    this.#reaped = true;
    if (ended?.exitCode !== 0) return;
    // CLONE_PARENT gives the id in our own namespace, whichever the cloning process was in.
    const pid = this.spawned.result(second);
    if (!isChild(pid)) {
      this.giveUp();
      const reason = `process ${pid} is not a child of this one`;
      throw new CtrError({ code: "internal", operation: "follow", reason });
    }
    this.pid = pid;
    this.#reaped = false;
  }

  /** Why it ended before it was ready. */
  failure(operation: string): Error {
    const failure = this.spawned.failure();
    if (failure !== undefined) {
      const { syscall, options } = failure.step;
      const mismatch = syscall === "move_mount" && failure.errno === ERRNO.EINVAL;
      return toError(failure, {
        operation: options.name ?? operation,
        ...mismatch ? { hint: "one side is not a directory, and the other is" } : {},
      });
    }
    const reason = "the process died while it was set up";
    return new CtrError({ code: "internal", operation, reason });
  }

  /** End it, reap it, give everything back. */
  giveUp(): void {
    this.rendezvous.close(); // end of file instead of a go: the child fails
    if (this.keeper !== undefined) this.keeper.reap();
    else if (!this.#reaped) { // or its id may be another's by now
      kill(this.pid, SIGNALS.SIGKILL); // it may wait for somebody else already
      waitFor(this.pid, { block: true });
      this.#reaped = true;
    }
    this.end();
  }

  /** Give back what was needed up to execve. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.rendezvous.close();
    close(this.spawned.pidfd);
    if (this.keeper === undefined) this.spawned.free();
  }
}

/**
 * Wait until the child reports on its way, do what is to be done then, and let it go on.
 *
 * @throws what the work throws, or {SyscallError} for the step that failed; the child is reaped then
 */
export async function atStation(
  child: Child,
  { operation, work }: {
    readonly operation: string;
    readonly work: (pid: number) => Promise<void>;
  },
): Promise<void> {
  try {
    if (!child.rendezvous.wait()) throw child.failure(operation);
    child.ready();
    await work(child.pid);
    child.rendezvous.go();
  } catch (error) {
    child.giveUp();
    throw error;
  }
}

/**
 * Take the listener of a child's filter when it reports that it has one, and have it handed over.
 *
 * @throws what `deliver` throws; the child is reaped then
 */
export async function handOver(
  child: Child,
  { operation, listener, deliver }: {
    readonly operation: string;
    readonly listener: Ref;
    readonly deliver: (listener: number, pid: number) => void;
  },
): Promise<void> {
  const work = (pid: number) => {
    try {
      const fd = take(child, "seccomp listener", child.spawned.result(listener));
      try {
        deliver(fd, pid);
      } finally {
        close(fd);
      }
    } catch (error) {
      kill(pid, SIGNALS.SIGKILL); // it may wait for the one who would have had the listener
      throw error;
    }
    return Promise.resolve();
  };
  await atStation(child, { operation, work });
}

/**
 * Wait until the child stands before execve, and take the pty master from it.
 *
 * @throws {SyscallError} for the step that failed; the child is reaped then
 */
export function readyProcess(child: Child, options: {
  readonly operation: string;
  readonly attempts: ExecAttempts;
  readonly process: OciProcess;
  readonly checks: readonly Check[];
  /** Where the pty master is in the child. */
  readonly masterFd: number;
}): RuntimeProcess {
  const { spawned, rendezvous } = child;
  let console: number | undefined;
  const giveUp = () => {
    child.giveUp();
    if (console !== undefined) close(console);
  };
  try {
    if (!rendezvous.wait()) throw child.failure(options.operation);
    child.ready();
    for (const check of options.checks) check((ref) => spawned.result(ref));
    if (options.process.terminal) console = take(child, "terminal", options.masterFd);
  } catch (error) {
    giveUp();
    throw error;
  }
  return {
    pid: child.pid,
    console,
    keeper: child.keeper,
    start() {
      rendezvous.go();
      rendezvous.wait();
      if (spawned.failure() === undefined) return child.end();
      const error = execError(options.attempts, (ref) => spawned.result(ref));
      giveUp();
      throw error;
    },
    abandon: giveUp,
    leave() {
      rendezvous.close();
      close(spawned.pidfd);
    },
  };
}

/** A keeper that sits behind the other end of this pipe. */
function keeperProcess(spawned: Spawned, wake: number): KeeperProcess {
  let open = true, mapped = true;
  const shut = () => {
    if (open) close(wake);
    open = false;
  };
  const free = () => {
    if (mapped) spawned.free();
    mapped = false;
  };
  return {
    pid: spawned.pid,
    release: shut,
    released: free,
    reap() {
      if (open) sys(SYS.write, wake, new Uint8Array([0x65]), 1); // it may have failed: nobody reads
      shut();
      waitFor(spawned.pid, { block: true });
      const exitCode = exitCodeOf(spawned.keptStatus());
      free();
      return exitCode;
    },
  };
}

/** A copy of a child's descriptor. */
export function take({ pid, spawned }: Child, subject: string, fd: number): number {
  const pidfd = pid === spawned.pid ? spawned.pidfd : call("pidfd_open", String(pid), pid, 0);
  try {
    return call("pidfd_getfd", subject, pidfd, fd, 0);
  } finally {
    if (pidfd !== spawned.pidfd) close(pidfd);
  }
}
